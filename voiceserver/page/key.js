// The API key of a server that asks for one: kept in this browser, sent to this server.

const KEY = "voiceserver.key";
let key = "";
try {
	key = localStorage.getItem(KEY) ?? "";
} catch {
	// Storage may be forbidden.
}

export const keyed = (headers = {}) =>
	key ? { ...headers, Authorization: `Bearer ${key}` } : headers;

export function keyFrom(field) {
	field.value = key;
	field.addEventListener("change", () => {
		key = field.value.trim();
		try {
			localStorage.setItem(KEY, key);
		} catch {}
	});
}
