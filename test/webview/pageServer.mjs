// Serves the webviews' pages as built in dist/, under their real security policy.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { webviewPage } from '../../src/extension/views/webviewPage.ts';

/** The wordings a page gets in Simplified Chinese; in English it gets none. */
export const chinese = JSON.parse(readFileSync('l10n/bundle.l10n.zh-cn.json', 'utf8'));

const types = { '.js': 'text/javascript', '.css': 'text/css' };

/** `${origin}/NAME` is the page of `dist/webview/NAME.js`. */
export async function servePages() {
  const server = createServer((request, response) => {
    const name = request.url.split('/').pop().split('?')[0];
    if (/^\w+$/.test(name)) {
      const address = (extension) => `${origin}/${name}.${extension}`;
      response.setHeader('content-type', 'text/html');
      return response.end(webviewPage({ cspSource: origin, nonce: 'bm9uY2U=', scriptUri: address('js'), styleUri: address('css'), title: name, language: 'en' })); // prettier-ignore
    }
    if (!/^\w+\.(js|css)$/.test(name)) return response.writeHead(404).end();
    response.setHeader('content-type', types[extname(name)]);
    response.end(readFileSync(join('dist/webview', name)));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${server.address().port}`;
  return { origin, close: () => new Promise((resolve) => server.close(resolve)) };
}
