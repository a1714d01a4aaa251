// JSON that others wrote. Pure.

export type Fields = Record<string, unknown>;

// The members of a value, of which nothing is known; none where it is no object.
export function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

export function readFields(text: string): Fields {
  try {
    return fieldsOf(JSON.parse(text));
  } catch {
    return {};
  }
}
