import { anything, object, text, type Checked } from './check';

/**
 * What crosses between the host and a webview, both ways. A hidden webview loses its page and gets a new one in the
 * same webview: `page` keeps an answer to the old page from being taken for an answer to the new one.
 */
export const pageMessage = object({ page: text, message: anything });
export type PageMessage = Checked<typeof pageMessage>;
