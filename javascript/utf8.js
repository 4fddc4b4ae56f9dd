// Texts as bytes. TextEncoder replaces surrogates without a partner; Python and the core keep them apart.

const LONE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;
const ALONE = new RegExp(LONE, "g");
const encoder = new TextEncoder();

/** The bytes of a string: UTF-8, and three bytes for a surrogate without a partner. */
export function encode(text) {
  if (!LONE.test(text)) return encoder.encode(text);
  const parts = [];
  let from = 0;
  for (const { index } of text.matchAll(ALONE)) {
    const code = text.charCodeAt(index);
    parts.push(...encoder.encode(text.slice(from, index)));
    parts.push(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f));
    from = index + 1;
  }
  parts.push(...encoder.encode(text.slice(from)));
  return Uint8Array.from(parts);
}
