// Whose turn it is, from the server's events. Pure: no DOM, no clock.

export class Turn {
	hearing = false; // the user is speaking
	waiting = false; // an answer is due
	sounding = false; // an answer is being played
	response = null; // id of the response being generated

	get state() {
		if (this.hearing) return "hearing";
		if (this.sounding) return "speaking";
		return this.waiting ? "thinking" : "listening";
	}

	// A call has ended.
	reset() {
		this.hearing = this.waiting = this.sounding = false;
		this.response = null;
	}

	receive(event) {
		switch (event.type) {
			case "input_audio_buffer.speech_started":
				this.hearing = true;
				this.waiting = false;
				break;
			case "input_audio_buffer.speech_stopped":
			case "input_audio_buffer.committed":
				this.hearing = false;
				this.waiting = true;
				break;
			case "conversation.item.input_audio_transcription.completed":
			case "conversation.item.input_audio_transcription.failed":
				// Nothing was understood: unless an answer has begun, none will come.
				if (!event.transcript && this.response === null) this.waiting = false;
				break;
			case "response.created":
				this.response = event.response?.id ?? "";
				this.waiting = true;
				break;
			case "response.done":
				this.response = null;
				// Generated is not played: it sounds already, or is about to.
				if (event.response?.status !== "completed" || !event.response.output?.length) {
					this.waiting = false;
				}
				break;
			case "output_audio_buffer.started":
				this.sounding = true;
				this.waiting = false;
				break;
			case "output_audio_buffer.stopped":
			case "output_audio_buffer.cleared":
				this.sounding = false;
				break;
		}
	}
}
