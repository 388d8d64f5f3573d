// What can go wrong, in words for the person in front of the page.
// Knows no DOM. A fault says whether trying again by itself makes sense.

export class Fault extends Error {
	// title: what happened. text: what to do. retry: another attempt may succeed,
	// worth making for a call that was up; wait: worth making for a new one, too.
	constructor(title, text, { retry = false, wait = false, microphone = false } = {}) {
		super(title);
		this.title = title;
		this.text = text;
		this.retry = retry;
		this.wait = wait;
		this.microphone = microphone;
	}
}

const microphone = (title, text) => new Fault(title, text, { microphone: true });

// An error of getUserMedia, by the names that the specification gives.
export function microphoneFault(error) {
	switch (error.name) {
		case "NotAllowedError":
		case "SecurityError":
			return microphone(
				"The microphone is blocked.",
				"Allow it for this page (the icon beside the address) and start again.",
			);
		case "NotFoundError":
		case "OverconstrainedError":
			return microphone("No microphone was found.", "Plug one in and start again.");
		case "NotReadableError":
		case "AbortError":
			return microphone(
				"The microphone cannot be used.",
				"Another program may be holding it. Close that and start again.",
			);
		default:
			return microphone("The microphone failed.", error.message || error.name);
	}
}

export const insecurePage = () =>
	microphone(
		"This address cannot use the microphone.",
		"Browsers allow it only on https pages and on localhost.",
	);

// An answer of the server other than success.
export async function refusal(reply) {
	let message = "";
	let code = "";
	try {
		({ message = "", code = "" } = (await reply.json()).error);
	} catch {
		// Not JSON: something between the server and this page answered.
	}
	if (reply.status === 503) {
		// "not_ready": it loads its engines; "closing": it comes back, perhaps.
		const wait = code === "not_ready";
		const title = wait || code === "closing" ? "The server is not ready." : "The server is full.";
		return new Fault(title, sentence(message || "Try again in a moment"), { retry: true, wait });
	}
	if (reply.status === 401)
		return new Fault("The server asks for a key.", "Type it in the settings and start again.");
	const retry = [408, 425, 429, 500, 502, 504].includes(reply.status);
	const title = `The server refused the call (${reply.status}).`;
	return new Fault(title, sentence(message), { retry });
}

export const unreachable = () =>
	new Fault("The server does not answer.", "Check that it is running.", { retry: true });

export const noMedia = () =>
	new Fault(
		"No sound gets through.",
		"The server answered, but the audio connection did not open. A firewall may block UDP.",
		{ retry: true },
	);

export function sentence(text) {
	const trimmed = text.trim();
	if (!trimmed) return "";
	const first = trimmed[0].toUpperCase() + trimmed.slice(1);
	return /[.!?]$/.test(first) ? first : `${first}.`;
}
