import { extname } from 'node:path';
import {
  Hover,
  MarkdownString,
  Range,
  type CancellationToken,
  type HoverProvider,
  type Position,
  type TextDocument,
} from 'vscode';
import { asMedTextError } from '../../base/errors';
import { abortSignalOf } from '../cancellation';
import type { CommandId } from '../ids';
import type { Services } from '../services';
import { readsSingleTexts, singleTextHint } from '../scoringService';
import { setting } from '../settings';
import { recordAt } from './dataRowAt';
import { escapeMarkdown, hoverMarkdown, type HoverContent, type HoverLink } from './hoverText';
import { sentenceAt, type TextRange } from './sentenceAt';

const dataExtensions = new Set(['.json', '.jsonl', '.csv', '.tsv', '.txt']);
const maxSentenceLength = 2000;
const maxDocumentLength = 50_000_000;
const hintShownKey = 'medtext.hoverHintShown';

export function hoverProvider(services: Services): HoverProvider {
  return { provideHover: (document, position, token) => hoverAt(services, document, position, token) };
}

async function hoverAt(
  services: Services,
  document: TextDocument,
  position: Position,
  token: CancellationToken,
): Promise<Hover | undefined> {
  if (!isWanted(document)) return undefined;
  const model = services.models.active();
  if (!model) return hintOnce(services, document, position);
  const text = document.getText();
  if (text.length > maxDocumentLength) return undefined;
  try {
    const found = await contentAt(services, document, text, document.offsetAt(position), abortSignalOf(token));
    if (!found || token.isCancellationRequested) return undefined;
    const { content, range, links } = found;
    const markdown = trusted(hoverMarkdown({ ...content, modelName: model.name } as HoverContent, links, services.t));
    return new Hover(markdown, new Range(document.positionAt(range.start), document.positionAt(range.end)));
  } catch (error) {
    if (readsSingleTexts(error)) return singleTextHover(services, model.name);
    const { code, message } = asMedTextError(error);
    if (code !== 'CANCELLED') services.log.warn(`hover: ${message}`);
    return undefined;
  }
}

interface Found {
  readonly content: Omit<HoverContent, 'modelName'>;
  readonly range: TextRange;
  readonly links: readonly HoverLink[];
}

async function contentAt(
  services: Services,
  document: TextDocument,
  text: string,
  offset: number,
  signal: AbortSignal,
): Promise<Found | undefined> {
  const { scoring, t } = services;
  const row = await pairAt(services, document, text, offset);
  if (row) {
    const [score] = await scoring.score([row.pair], signal);
    return { content: { kind: 'row', score, givenLabel: row.label }, range: row.range, links: [] };
  }
  const reference = scoring.reference;
  if (reference === undefined) return undefined;
  const range = sentenceAt(text, offset);
  if (!range || range.end - range.start > maxSentenceLength) return undefined;
  const sentence = text.slice(range.start, range.end);
  const [score] = await scoring.score([{ first: reference, second: sentence }], signal);
  const links = [
    link(t('Make this the reference'), 'medtext.setReference', sentence),
    link(t('Clear reference'), 'medtext.clearReference'),
  ];
  return { content: { kind: 'reference', score, reference }, range, links };
}

/** The labelled or unlabelled pair of the data row under the mouse. */
async function pairAt(services: Services, document: TextDocument, text: string, offset: number) {
  const isData = document.uri.scheme === 'file' && dataExtensions.has(extname(document.fileName).toLowerCase());
  if (!isData || document.fileName.endsWith('.medtext.json')) return undefined;
  const info = await services.dataInfo(document.fileName);
  if (info?.first === undefined || info.second === undefined) return undefined;
  const { format } = info;
  if (format === 'xlsx' || format === 'parquet') return undefined;
  const record = recordAt(text, offset, { ...info, format });
  const first = record?.values[info.first];
  const second = record?.values[info.second];
  if (!record || !first || !second) return undefined;
  const label = info.label === undefined ? undefined : record.values[info.label];
  return { range: record, pair: { first, second }, label: label || undefined };
}

function isWanted(document: TextDocument): boolean {
  if (!setting('medtext.hover.enabled', document)) return false;
  const wanted = setting('medtext.hover.languages', document);
  return wanted.includes('*') || wanted.includes(document.languageId);
}

/** Without a model there is nothing to show; say once, over text, how to get one. */
async function hintOnce(services: Services, document: TextDocument, position: Position): Promise<Hover | undefined> {
  const { context, t } = services;
  if (context.globalState.get(hintShownKey) || document.languageId !== 'plaintext') return undefined;
  if (!sentenceAt(document.lineAt(position).text, position.character)) return undefined;
  await context.globalState.update(hintShownKey, true);
  const links = [
    link(t('Choose Active Model'), 'medtext.chooseActiveModel'),
    link(t('Import Model…'), 'medtext.importModel'),
    link(t('Fine-Tune Encoder…'), 'medtext.fineTune'),
  ].map(({ title, target }) => `[${title}](${target})`);
  return new Hover(
    trusted(`**MedText Lab** · ${t('Similarity scores appear here once a model is active.')}\n\n${links.join(' · ')}`),
  );
}

/** In place of a score that would mean nothing. */
function singleTextHover({ t }: Services, modelName: string): Hover {
  const { title, target } = link(t('Choose Active Model'), 'medtext.chooseActiveModel');
  return new Hover(
    trusted(`**MedText Lab** · ${singleTextHint(escapeMarkdown(modelName), t)}\n\n[${title}](${target})`),
  );
}

function link(title: string, command: CommandId, ...parameters: unknown[]): HoverLink {
  // The parameters stand in Markdown: a parenthesis would end the link.
  const encoded = encodeURIComponent(JSON.stringify(parameters)).replace(
    /[()']/g,
    (c) => `%${c.charCodeAt(0).toString(16)}`,
  );
  return { title, target: `command:${command}${parameters.length > 0 ? `?${encoded}` : ''}` };
}

function trusted(text: string): MarkdownString {
  const markdown = new MarkdownString(text);
  const allowed: CommandId[] = [
    'medtext.setReference',
    'medtext.clearReference',
    'medtext.chooseActiveModel',
    'medtext.importModel',
    'medtext.fineTune',
  ];
  markdown.isTrusted = { enabledCommands: allowed };
  return markdown;
}
