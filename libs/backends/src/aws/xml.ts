import { XMLParser } from 'fast-xml-parser';

// Entities are decoded here, all of them once: the parser leaves numeric ones, which MinIO uses for the quotes of ETags.
const parser = new XMLParser({
  parseTagValue: false,
  trimValues: false,
  ignoreDeclaration: true,
  processEntities: false,
});

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function decodeEntities(text: string): string {
  return text.replace(
    /&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|([a-z]+));/gi,
    (all, hex?: string, decimal?: string, name?: string) => {
      if (name !== undefined) return ENTITIES[name] ?? all;
      const point = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
      return point <= 0x10ffff ? String.fromCodePoint(point) : all;
    },
  );
}

/** A flat answer of S3: the name of its root element, and the texts of the elements directly inside. */
export interface FlatXml {
  readonly root: string;
  readonly texts: Readonly<Record<string, string>>;
}

/** Reads an answer of one level, such as an error or the result of a copy. Undefined if it is no complete XML: HTML, a cut document, JSON. */
export function parseFlatXml(text: string): FlatXml | undefined {
  const trimmed = text.trim();
  if (!isWholeXml(trimmed)) return undefined;
  const document: unknown = parser.parse(trimmed);
  if (!isRecord(document)) return undefined;
  const [root, content] = Object.entries(document).find(([name]) => !name.startsWith('?')) ?? [];
  if (root === undefined) return undefined;
  const inside = isRecord(content) ? Object.entries(content) : [];
  const texts = inside.flatMap(([name, value]) =>
    typeof value === 'string' ? [[name, decodeEntities(value)] as const] : [],
  );
  return { root, texts: Object.fromEntries(texts) };
}

/** Whether a text begins and ends as one XML document of S3 does. Cheap: the reader of the answer looks inside. */
export function isWholeXml(text: string): boolean {
  const trimmed = text.trim();
  const root = /^(?:<\?xml[^>]*\?>\s*)?<([A-Za-z]+)[\s>/]/.exec(trimmed)?.[1];
  if (root === undefined || root.toLowerCase() === 'html') return false;
  return (
    trimmed.endsWith(`</${root}>`) ||
    (trimmed.endsWith('/>') && !trimmed.slice(0, -2).includes('>', trimmed.indexOf(`<${root}`)))
  );
}

export function escapeXml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
