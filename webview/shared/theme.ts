/**
 * Calls the listener after the editor's theme has changed. The editor then changes classes of the body and CSS
 * variables.
 */
export function onThemeChange(listener: () => void): void {
  let pending = 0;
  const observer = new MutationObserver(() => {
    cancelAnimationFrame(pending);
    pending = requestAnimationFrame(listener);
  });
  observer.observe(document.body, { attributes: true, attributeFilter: ['class', 'data-vscode-theme-id'] });
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ['style'] });
}
