/** Words of a person's texts become tokens of a model: what is split is listed with its count, what is chosen is added. */
import { basename } from 'node:path';
import { QuickPickItemKind, Uri, commands, window, type QuickPickItem } from 'vscode';
import { MedTextError } from '../../base/errors';
import type { Translate } from '../../base/translate';
import { errorText } from '../../protocol/errorWords';
import type { VocabularyGap } from '../../protocol/library';
import { showError, showInformation } from '../messages';
import { modelsFolder } from '../modelsFolder';
import type { Services } from '../services';
import { requireTrust } from './asking';
import { withJob } from './importCommands';
import { isModel } from './modelCommands';
import { runSteps } from './steps';
import { columnStep, modelStep, termsStep, textsStep, type TextAnswers } from './textSteps';

/** A longer list is not read to its end. */
const maxListed = 500;

/** Asks for model, texts and terms, then for the words; the longer model comes into the library. @param target the model */
export async function extendVocabulary(services: Services, target?: unknown): Promise<void> {
  const { t, models, library } = services;
  if (!(await requireTrust(t))) return;
  const start: TextAnswers = isModel(target) ? { model: target.folder } : {};
  const answers = await runSteps<TextAnswers>(
    [
      modelStep(services, t('Extend Vocabulary: model'), start),
      textsStep(services, t('Extend Vocabulary: texts'), start),
      columnStep(services, t('Extend Vocabulary: column')),
      termsStep(services, t('Extend Vocabulary: terms that are words')),
    ],
    start,
  );
  if (!answers) return;
  const { model: folder = '', texts = [], column, terms } = answers;
  const name = models.list().find((model) => model.folder === folder)?.name ?? basename(folder);
  const wish = {
    folder,
    texts: [...texts],
    top: maxListed,
    ...(typeof terms === 'string' && { terms }),
    ...(column !== undefined && { column }),
  };
  const gaps = await withJob(services, t('Looking for words that {0} splits', name), (job, signal) =>
    library.request('vocabularyGaps', { ...wish, job }, signal),
  );
  if (gaps.length === 0) return void showInformation(t('Every word of these texts is one token already.'));
  let chosen: readonly string[] = [];
  for (;;) {
    const tokens = await pickWords(gaps, chosen, t);
    if (tokens.length === 0) return;
    try {
      const extended = await withJob(services, t('Extending the vocabulary of {0}', name), (job, signal) =>
        library.request('extendModel', { folder, name, models: modelsFolder(), tokens: [...tokens], job }, signal),
      );
      await models.add(extended.folder, 'imported', basename(extended.folder));
      return tellExtended(services, extended, texts);
    } catch (error) {
      // A word that cannot be a token, which the error names: the others stay chosen.
      if (!(error instanceof MedTextError) || error.code !== 'TOKENIZER') throw error;
      void showError(errorText(error, t));
      chosen = tokens;
    }
  }
}

/** None where the person gives up. */
async function pickWords(gaps: readonly VocabularyGap[], chosen: readonly string[], t: Translate): Promise<string[]> {
  const items = (ofKind: readonly VocabularyGap[]): (QuickPickItem & { readonly text: string })[] =>
    ofKind.map(({ text, count, pieces, isUnknown }) => ({
      ...{ label: text, text, picked: chosen.includes(text) },
      description: [count === 1 ? t('once') : t('{0} times', count.toLocaleString()), isUnknown ? '' : t('{0} pieces', pieces.length)].filter(Boolean).join(' · '), // prettier-ignore
      detail: isUnknown ? undefined : pieces.join(' '),
    }));
  const section = (label: string, list: ReturnType<typeof items>) =>
    list.length === 0 ? [] : [{ label, text: '', kind: QuickPickItemKind.Separator }, ...list];
  const unknown = gaps.filter(({ isUnknown }) => isUnknown);
  const split = gaps.filter(({ isUnknown }) => !isUnknown);
  const picked = await window.showQuickPick(
    [...section(t('unknown to the tokenizer'), items(unknown)), ...section(t('split into pieces'), items(split))],
    {
      title: gaps.length < maxListed ? t('Extend Vocabulary: words that become tokens') : t('Extend Vocabulary: words that become tokens (the {0} that take the most tokens)', maxListed), // prettier-ignore
      placeHolder: t('New tokens begin as the mean of their pieces'),
      ...{ canPickMany: true, ignoreFocusOut: true, matchOnDetail: false },
    },
  );
  return picked?.map(({ text }) => text) ?? [];
}

function tellExtended(
  { t, models }: Services,
  { folder, vocabulary: { before, after } }: { readonly folder: string; readonly vocabulary: { readonly before: number; readonly after: number } }, // prettier-ignore
  texts: readonly string[],
): void {
  const model = models.list().find((one) => one.folder === folder);
  const pretrain = t('Continue Pretraining…');
  const details = t('Show Details');
  const more = after - before;
  const message = more === 1
    ? t('{0} has one new token, {1} in all. It is of little use until the model is pretrained on texts that contain it.', basename(folder), after)
    : t('{0} has {1} new tokens, {2} in all. They are of little use until the model is pretrained on texts that contain them.', basename(folder), more, after); // prettier-ignore
  void showInformation(message, pretrain, details).then((choice) => {
    if (choice === pretrain) return commands.executeCommand('medtext.pretrain', model, texts.map((path) => Uri.file(path))); // prettier-ignore
    return choice === details ? commands.executeCommand('medtext.showModel', model) : undefined;
  });
}
