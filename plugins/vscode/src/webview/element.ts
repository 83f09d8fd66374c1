// A DOM element from its tag, attributes and children; nothing is ever made from text by the HTML parser here.

type Child = Node | string | null | undefined | false;

/** `data-key` names an element through a redrawing: what is focused or unfolded stays so. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Readonly<Record<string, string>> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    made.setAttribute(name, value);
  }
  made.append(...children.filter((child): child is Node | string => Boolean(child)));
  return made;
}

/** `fresh` in the place of `old`: focus and what was unfolded are carried over. */
export function replace(old: HTMLElement, fresh: HTMLElement): void {
  const key = (document.activeElement as HTMLElement | null)?.closest<HTMLElement>("[data-key]")?.dataset["key"];
  const within = key !== undefined && old.contains(document.activeElement);
  const [before, after] = [keyed(old), keyed(fresh)];
  for (const [name, each] of after) {
    const former = before.get(name);
    if (each instanceof HTMLDetailsElement && former instanceof HTMLDetailsElement) {
      each.open = former.open;
    }
  }
  old.replaceWith(fresh);
  if (within) {
    (after.get(key) ?? fresh).focus();
  }
}

function keyed(root: HTMLElement): Map<string | undefined, HTMLElement> {
  return new Map([...root.querySelectorAll<HTMLElement>("[data-key]")].map((each) => [each.dataset["key"], each]));
}
