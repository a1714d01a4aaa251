// The list of people who are online: in order, searched, and told apart when two have one name. Pure.

export interface Person { number: string; name: string }
export interface Listed extends Person { twin: boolean }   // somebody else has the same name: the number is shown too

const kCollator = new Intl.Collator(undefined, { sensitivity: "base", numeric: true });

// For comparing: without accents, without case.
export function plain(text: string): string {
  return text.normalize("NFKD").replace(/\p{M}+/gu, "").toLowerCase().trim();
}

export function inOrder(people: Iterable<Person>): Listed[] {
  const list = [...people];
  const count = new Map<string, number>();
  for (const { name } of list) count.set(plain(name), (count.get(plain(name)) ?? 0) + 1);
  return list.sort((a, b) => kCollator.compare(a.name, b.name) || (a.number < b.number ? -1 : 1))
    .map((each) => ({ ...each, twin: (count.get(plain(each.name)) ?? 0) > 1 }));
}

// Every word that was typed must be in the name, or begin the number.
export function search(list: readonly Listed[], query: string): Listed[] {
  const words = plain(query).split(/\s+/).filter((word) => word !== "");
  return list.filter(({ name, number }) => words.every((word) => plain(name).includes(word) || number.toLowerCase().startsWith(word)));
}
