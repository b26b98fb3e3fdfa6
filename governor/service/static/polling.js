/**
 * Do something now and again every `everyMs`, while the page can be seen. A failure is left to the
 * stream to report: it fails for the same reason.
 * @param {() => Promise<void>} work
 * @returns {() => void} ends it
 */
export function poll(work, everyMs) {
  let timer = 0;
  let over = false;
  const turn = async () => {
    if (!document.hidden) await work().catch(() => {});
    if (!over) timer = setTimeout(turn, everyMs);
  };
  turn();
  return () => {
    over = true;
    clearTimeout(timer);
  };
}
