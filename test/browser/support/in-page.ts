// Scripts that run inside the page under test: text, because the types of a browser are not those of these tests.

/** Where Tab should stop from the top on; one stop for a group of radio buttons. Answers how many. */
export const findStops = `(() => {
  document.body.tabIndex = -1;
  document.body.focus();
  document.body.removeAttribute('tabindex');
  const candidates = [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex]')];
  const reachable = candidates.filter((e) => !e.disabled && e.tabIndex >= 0 && e.checkVisibility());
  const entryOf = (radio) => {
    const group = reachable.filter((e) => e.type === 'radio' && e.name === radio.name && e.form === radio.form);
    return group.find((e) => e.checked) ?? group[0];
  };
  window.stops = reachable.filter((e) => e.type !== 'radio' || e === entryOf(e));
  return window.stops.length;
})()`;

/** Which of the stops has the focus, whether that shows, and whether something lies over it. */
export const describeFocus = `(() => {
  const focused = document.activeElement;
  const around = [focused, focused.closest('label')].filter((e) => e !== null);
  const outlined = around.some((e) => {
    const { outlineStyle, outlineWidth } = getComputedStyle(e);
    return outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2;
  });
  const { left, top, width, height } = focused.getBoundingClientRect();
  const hit = document.elementFromPoint(left + Math.min(width / 2, 8), top + height / 2);
  const covered = hit === null || !around.some((e) => e.contains(hit) || hit.contains(e));
  return {
    stop: window.stops.indexOf(focused),
    label: (focused.innerText || focused.value || focused.outerHTML).slice(0, 60),
    outlined,
    covered,
  };
})()`;

export type Focus = { stop: number; label: string; outlined: boolean; covered: boolean };

/** What sticks out on the right; empty when nobody has to scroll sideways. */
export const findOverflow = `(() => {
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth <= clientWidth) return [];
  const out = [...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > clientWidth + 0.5);
  return out.slice(-3).map((e) => e.outerHTML.slice(0, 100));
})()`;

/** axe-core is loaded before; answers one line per broken rule. */
export const runAxe = runAxeOnly(
  "{ type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }",
);
/** Of these rules alone the verdict depends on the colours. */
export const runAxeOnColors = runAxeOnly("{ type: 'rule', values: ['color-contrast', 'link-in-text-block'] }");

function runAxeOnly(runOnly: string): string {
  return `(async () => {
  const { violations } = await axe.run(document, { runOnly: ${runOnly}, resultTypes: ['violations'] });
  return violations.map(({ id, nodes }) => id + ': ' + nodes.slice(0, 3).map(({ html, failureSummary }) => html.slice(0, 150) + ' ' + failureSummary).join(' | '));
})()`;
}
