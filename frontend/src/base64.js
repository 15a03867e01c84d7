// Bytes in a page without a kernel are base64.

/** @param {string} text */
export function decodeBase64(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}
