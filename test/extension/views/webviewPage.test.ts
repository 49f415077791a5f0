import assert from 'node:assert/strict';
import { webviewPage } from '../../../src/extension/views/webviewPage';

const page = { cspSource: 'https://*.webview', nonce: 'n0nce', scriptUri: 'https://x/a.js', styleUri: 'https://x/a.css', title: 'Training', language: 'zh-cn' }; // prettier-ignore

describe('page of a webview', () => {
  const html = webviewPage(page);
  const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(html)![1];

  it('allows nothing but its own script and style sheet', () => {
    const directives = new Map(policy.split('; ').map((directive) => directive.split(/ (.*)/s) as [string, string]));
    assert.equal(directives.get('default-src'), `'none'`);
    assert.equal(directives.get('script-src'), `'nonce-n0nce'`);
    assert.equal(directives.get('style-src'), 'https://*.webview');
    assert.doesNotMatch(policy, /unsafe|data:|http:|connect-src|img-src|frame-src/);
  });

  it('has one script, with the nonce, and no inline code or style', () => {
    assert.equal(html.match(/<script/g)!.length, 1);
    assert.match(html, /<script nonce="n0nce" src="https:\/\/x\/a.js"><\/script>/);
    assert.doesNotMatch(html, /<style|\sstyle=|\son\w+=|javascript:/);
  });

  it('escapes whatever it is given', () => {
    const nasty = webviewPage({ ...page, title: '</title><script>alert(1)</script>', language: '"><img onerror=x>' });
    assert.equal(nasty.match(/<script/g)!.length, 1);
    assert.doesNotMatch(nasty, /<img/);
  });
});
