import { anything, object, text, type Checked } from './check';

/**
 * A message between the host and a webview, in both directions. A hidden webview loses its page and later gets a new one.
 * `page` numbers the pages, so that a response to the old page is not taken for a response to the new one.
 */
export const pageMessage = object({ page: text, message: anything });
export type PageMessage = Checked<typeof pageMessage>;
