// Texts as bytes. TextEncoder replaces surrogates without a partner; Python and the core keep them apart.

const LONE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;
const ALONE = new RegExp(LONE, "g");
const encoder = new TextEncoder();

/** The bytes of a string: UTF-8, and three bytes for a surrogate without a partner. */
export function encode(text) {
  if (!LONE.test(text)) return encoder.encode(text);
  const bytes = new Uint8Array(3 * text.length);
  let size = 0;
  let from = 0;
  const append = (part) => (size += encoder.encodeInto(part, bytes.subarray(size)).written);
  for (const { index } of text.matchAll(ALONE)) {
    const code = text.charCodeAt(index);
    append(text.slice(from, index));
    bytes.set([0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f)], size);
    size += 3;
    from = index + 1;
  }
  append(text.slice(from));
  return bytes.slice(0, size);
}
