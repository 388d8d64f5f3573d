// How loud a stream is: 0 (quiet) to 1 (loud), quick to rise and slow to fall.

const FLOOR_DB = -55;
const CEILING_DB = -14;

export class Level {
	#samples = new Float32Array(1024);
	#analyser = null;
	#source = null;
	#value = 0;

	attach(context, stream) {
		this.detach();
		this.#analyser = context.createAnalyser();
		this.#analyser.fftSize = this.#samples.length;
		this.#source = context.createMediaStreamSource(stream);
		this.#source.connect(this.#analyser);
	}

	detach() {
		this.#source?.disconnect();
		this.#source = this.#analyser = null;
	}

	read() {
		let level = 0;
		if (this.#analyser) {
			this.#analyser.getFloatTimeDomainData(this.#samples);
			let sum = 0;
			for (const sample of this.#samples) sum += sample * sample;
			const db = 10 * Math.log10(sum / this.#samples.length + 1e-12);
			level = Math.min(1, Math.max(0, (db - FLOOR_DB) / (CEILING_DB - FLOOR_DB)));
		}
		const rate = level > this.#value ? 0.5 : 0.12;
		this.#value += (level - this.#value) * rate;
		return this.#value;
	}
}
