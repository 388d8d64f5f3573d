// The orb: one soft shape whose colour tells the state and whose size the voice.
// Draws; decides nothing. Colours are OKLCH, so that every state is equally bright.

const LOOK = ["core", "rim", "chroma", "wobble", "speed", "swell", "spin"];
const STATES = {
	// hues of core and rim, chroma, wobble at rest, speed, swell by level, awaiting
	idle: [215, 265, 0.075, 0.012, 0.25, 0, 0],
	connecting: [255, 285, 0.08, 0.02, 0.9, 0, 1],
	listening: [205, 258, 0.115, 0.018, 0.4, 0.16, 0],
	hearing: [165, 215, 0.14, 0.03, 0.8, 0.3, 0],
	thinking: [285, 325, 0.13, 0.035, 1.5, 0, 1],
	speaking: [72, 20, 0.15, 0.03, 0.8, 0.34, 0],
	reconnecting: [85, 60, 0.075, 0.012, 0.5, 0, 1],
	error: [35, 15, 0.1, 0.008, 0.2, 0, 0],
};
const POINTS = 96;
const STILL = matchMedia("(prefers-reduced-motion: reduce)");
const DARK = matchMedia("(prefers-color-scheme: dark)");

export class Orb {
	#canvas;
	#brush;
	#now = Object.fromEntries(LOOK.map((key, i) => [key, STATES.idle[i]]));
	#time = 0;
	#last = 0;
	#read;

	// read(): {state, level}, asked for with every frame.
	constructor(canvas, read) {
		this.#canvas = canvas;
		this.#brush = canvas.getContext("2d");
		this.#read = read;
		new ResizeObserver(() => this.#resize()).observe(canvas);
		this.#resize();
		requestAnimationFrame((at) => this.#frame(at));
	}

	#resize() {
		const ratio = Math.min(2, devicePixelRatio || 1);
		this.#canvas.width = this.#canvas.height = this.#canvas.clientWidth * ratio;
	}

	#frame(at) {
		const past = at - this.#last;
		// Slow motion needs few frames, and who wants none at all even fewer.
		const pause = STILL.matches ? 100 : 24 / this.#now.speed;
		if (past > pause) {
			this.#last = at;
			this.#ease(Math.min(0.1, past / 1000));
			this.#draw();
		}
		requestAnimationFrame((next) => this.#frame(next));
	}

	#ease(step) {
		const { state, level } = this.#read();
		const now = this.#now;
		const pace = 1 - Math.exp(-step * 5);
		LOOK.forEach((key, i) => {
			let way = STATES[state][i] - now[key];
			if (i < 2) way = ((way + 540) % 360) - 180; // hues: the short way round
			now[key] = (now[key] + way * pace + 360) % 360;
		});
		now.level = level;
		if (!STILL.matches) this.#time += step * now.speed;
	}

	#draw() {
		const brush = this.#brush;
		const middle = this.#canvas.width / 2;
		const { level, swell } = this.#now;
		const breath = 0.012 * Math.sin(this.#time * 3.2);
		const radius = middle * 0.58 * (1 + level * swell * 0.5 + breath);
		brush.resetTransform();
		brush.clearRect(0, 0, middle * 2, middle * 2);
		brush.translate(middle, middle);
		this.#halo(middle, radius);
		this.#veil(radius, 2);
		this.#veil(radius, 1);
		this.#body(radius);
		this.#arc(radius);
	}

	#halo(middle, radius) {
		const { rim, chroma, level, swell } = this.#now;
		const glow = this.#brush.createRadialGradient(0, 0, radius * 0.6, 0, 0, middle);
		const strength = (DARK.matches ? 0.34 : 0.3) + (swell ? 0.3 * level : 0);
		glow.addColorStop(0, `oklch(0.7 ${chroma} ${rim} / ${strength})`);
		glow.addColorStop(0.45, `oklch(0.7 ${chroma} ${rim} / ${strength * 0.28})`);
		glow.addColorStop(1, `oklch(0.7 ${chroma} ${rim} / 0)`);
		this.#flood(middle, glow);
	}

	// The outline of one layer: a circle that several slow waves run along.
	#outline(radius, layer) {
		const { wobble, level, swell } = this.#now;
		const size = radius * (1 + layer * (0.05 + 0.2 * level * swell));
		const depth = wobble * (1 + layer * 0.6) + level * swell * 0.05 * (layer + 0.5);
		const turn = this.#time * (layer % 2 ? -1 : 1) + layer * 2.1;
		this.#brush.beginPath();
		for (let i = 0; i < POINTS; i++) {
			const angle = (i / POINTS) * Math.PI * 2;
			const wave =
				Math.sin(2 * angle + turn * 1.1) +
				0.7 * Math.sin(3 * angle - turn * 1.7 + layer) +
				0.4 * Math.sin(5 * angle + turn * 2.3);
			const reach = size * (1 + depth * wave);
			this.#brush.lineTo(Math.cos(angle) * reach, Math.sin(angle) * reach);
		}
		this.#brush.closePath();
	}

	#veil(radius, layer) {
		const { rim, chroma } = this.#now;
		this.#outline(radius, layer);
		this.#brush.fillStyle = `oklch(0.72 ${chroma} ${rim + 8 * layer} / 0.2)`;
		this.#brush.fill();
	}

	// The body: lights of neighbouring hues that drift inside the innermost outline.
	#body(radius) {
		const { core, rim, chroma } = this.#now;
		const brush = this.#brush;
		const t = this.#time;
		brush.save();
		this.#outline(radius, 0);
		brush.clip();
		const ground = brush.createLinearGradient(-radius, -radius, radius, radius);
		ground.addColorStop(0, `oklch(0.8 ${chroma} ${core})`);
		ground.addColorStop(1, `oklch(0.6 ${chroma * 1.15} ${rim})`);
		this.#flood(radius * 2, ground);
		this.#light(radius, 0.5, t * 0.9 + 3.9, 1.15, 0.93, chroma * 0.5, core - 25, 0.95);
		this.#light(radius, 0.62, -t * 0.7 + 0.9, 1, 0.67, chroma * 1.2, rim + 28, 0.8);
		this.#light(radius, 0.45, t * 1.2 + 2.2, 0.8, 0.86, chroma, core + 18, 0.7);
		const edge = brush.createRadialGradient(0, 0, radius * 0.72, 0, 0, radius * 1.1);
		edge.addColorStop(0, `oklch(0.5 ${chroma} ${rim} / 0)`);
		edge.addColorStop(1, `oklch(0.45 ${chroma} ${rim} / 0.4)`);
		this.#flood(radius * 2, edge);
		brush.restore();
	}

	#light(radius, off, angle, size, lightness, chroma, hue, alpha) {
		const [x, y] = [Math.cos(angle) * off * radius, Math.sin(angle) * off * radius];
		const glow = this.#brush.createRadialGradient(x, y, 0, x, y, size * radius);
		const colour = `oklch(${lightness} ${chroma} ${hue} /`;
		glow.addColorStop(0, `${colour} ${alpha})`);
		glow.addColorStop(0.5, `${colour} ${alpha * 0.4})`);
		glow.addColorStop(1, `${colour} 0)`);
		this.#flood(radius * 2, glow);
	}

	#flood(reach, paint) {
		this.#brush.fillStyle = paint;
		this.#brush.fillRect(-reach, -reach, reach * 2, reach * 2);
	}

	// Two short arcs that go round while something is awaited.
	#arc(radius) {
		const { core, chroma, spin } = this.#now;
		if (spin < 0.02) return;
		const brush = this.#brush;
		const from = STILL.matches ? -Math.PI / 2 : this.#time * 2.4;
		brush.lineWidth = radius * 0.028;
		brush.lineCap = "round";
		brush.strokeStyle = `oklch(0.7 ${chroma} ${core} / ${0.9 * spin})`;
		for (const start of [from, from + Math.PI]) {
			brush.beginPath();
			brush.arc(0, 0, radius * 1.3, start, start + 0.9);
			brush.stroke();
		}
	}
}
