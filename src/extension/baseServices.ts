import type { ExtensionContext, LogOutputChannel } from 'vscode';
import type { Translate } from '../base/translate';
import type { DataInfo } from '../protocol/scorer';
import type { DataClient } from '../worker/dataClient';
import type { LibraryClient } from '../worker/libraryClient';
import type { ScorerClient } from '../worker/scorerClient';
import type { DataAddresses } from './dataAddresses';
import type { HubAccess } from './hubAccess';
import type { ModelStore } from './modelStore';
import type { RunFinder } from './runFinder';
import type { RunLogs } from './runLog';
import type { RunSelection } from './runSelection';
import type { RunStore } from './runStore';
import type { EntityMarks } from './entityMarks';
import type { ScoringService } from './scoringService';
import type { TrainingService } from './trainingService';

/** What the parts of the extension share; made once at activation, nothing heavy in it. */
export interface BaseServices {
  readonly context: ExtensionContext;
  readonly log: LogOutputChannel;
  readonly models: ModelStore;
  readonly runs: RunStore;
  readonly runLogs: RunLogs;
  readonly runSelection: RunSelection;
  readonly finder: RunFinder;
  readonly training: TrainingService;
  readonly scorer: ScorerClient;
  readonly library: LibraryClient;
  /** Reads data files for previews. */
  readonly data: DataClient;
  readonly hubs: HubAccess;
  readonly addresses: DataAddresses;
  readonly scoring: ScoringService;
  readonly entityMarks: EntityMarks;
  readonly t: Translate;
  setReference(text: string | undefined): void;
  /** What the data file on disk is; undefined when it cannot be read as data. */
  dataInfo(file: string, sheet?: string): Promise<DataInfo | undefined>;
}
