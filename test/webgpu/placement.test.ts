/** What of our graphs the runtime leaves to the CPU, where every node costs a way there and back. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addGradients } from '../../src/autodiff/gradients';
import { buildClassifierGraph } from '../../src/inference/fedNetwork';
import { productStyle, type Precision } from '../../src/inference/productStyle';
import { Session, type Feed } from '../../src/inference/session';
import { bertNetwork, networkParameterSpecs } from '../../src/models/encoder';
import type { Head } from '../../src/models/heads/head';
import { sequenceHead } from '../../src/models/heads/sequence';
import { spansHead } from '../../src/models/heads/spans';
import { tokenHead } from '../../src/models/heads/token';
import { allocate, elementCount } from '../../src/onnx/dataType';
import type { Model } from '../../src/onnx/model';
import { Operators } from '../../src/onnx/operators';
import { buildAdamWGraph, buildDenseGraph, buildGradientSumGraph } from '../../src/steps/adamWGraph';
import { selfTestMaterial } from '../../src/devices/doctor';
import { buildMaskGraph } from '../../src/steps/maskGraph';
import { layoutOf, stackSites } from '../../src/steps/parameterGroups';
import { buildResidentGraph } from '../../src/steps/residentGraph';
import { buildTrainingGraph } from '../../src/steps/trainingGraph';
import { adversarial } from '../../src/tasks/losses/adversarial';
import { binaryCrossEntropy } from '../../src/tasks/losses/binaryCrossEntropy';
import { crossEntropy } from '../../src/tasks/losses/crossEntropy';
import { listNet } from '../../src/tasks/losses/listNet';
import { fgm } from '../../src/tasks/losses/fgm';
import { rDrop } from '../../src/tasks/losses/rDrop';
import { relevanceCrossEntropy } from '../../src/tasks/losses/relevanceCrossEntropy';
import { spanCrossEntropy } from '../../src/tasks/losses/spanCrossEntropy';
import { squaredError } from '../../src/tasks/losses/squaredError';
import { tokenCrossEntropy } from '../../src/tasks/losses/tokenCrossEntropy';
import type { Objective } from '../../src/tasks/objective';
import { ofFirstLogit } from '../support/ranking';

/** Nodes that may be there, by operator, and why. */
const ON_THE_PROCESSOR: Readonly<Record<string, string>> = {};

const BATCH = 2;
const LENGTH = 8;

describe('nodes on the processor in a WebGPU session', () => {
  let folder: string;
  before(() => (folder = mkdtempSync(join(tmpdir(), 'medtext-placement-'))));
  after(() => rmSync(folder, { recursive: true, force: true }));

  const { config, parameters } = selfTestMaterial();
  const network = bertNetwork(config, sequenceHead, 3);
  const shapes = Object.fromEntries(parameters.specs.map(({ name, shape }) => [name, { shape }]));
  const classes = crossEntropy({ labelCount: 3, labelSmoothing: 0 });
  const published = { adv_grad_factor: 5e-5, adv_bound: 1e-5, sigma: 5e-6 };
  const training = (objective: Objective) =>
    buildTrainingGraph(
      { network, specs: parameters.specs, trained: new Set(parameters.names), objective, dropout: 0.1 },
      BATCH,
      LENGTH,
    );
  const resident = (objective: Objective, precision?: Precision) => {
    const options = {
      network,
      specs: parameters.specs,
      trained: new Set(parameters.names),
      objective,
      dropout: 0.1,
      products: productStyle('webgpu', precision),
    };
    const layout = layoutOf(options, { weightDecay: 0.01, decays: (name) => name.includes('weight') });
    return buildResidentGraph(options, layout, BATCH, LENGTH).model;
  };
  const residentOf = (head: Head, columns: number, objective: Objective, precision?: Precision) => {
    const specs = networkParameterSpecs(config, head, columns);
    const own = { network: bertNetwork(config, head, columns), specs, trained: new Set(specs.map(({ name }) => name)) };
    const options = { ...own, objective, dropout: 0.1, products: productStyle('webgpu', precision) };
    const layout = layoutOf(options, { weightDecay: 0.01, decays: (name) => name.includes('weight') });
    return buildResidentGraph(options, layout, BATCH, LENGTH).model;
  };
  const inference = (head: Head, columns: number) => {
    const own = Object.fromEntries(networkParameterSpecs(config, head, columns).map(({ name, shape }) => [name, { shape }])); // prettier-ignore
    return buildClassifierGraph(bertNetwork(config, head, columns), BATCH, LENGTH, own, 'webgpu');
  };
  const updated = [{ shape: [4, 6], decays: true }, { shape: [6], decays: false }, { shape: [8, 4], decays: false, isRows: true }]; // prettier-ignore
  /** Of few rows and of many, by so many indices that their one-hot matrix is made in parts. */
  const gathers = (count: number): Model => {
    const g = new Operators();
    const ids = g.input('ids', 'int32', [count]);
    const tables = [count, 2 * count + 1].map((size) => g.input(`table.${size}`, 'float32', [size, 4]));
    const loss = tables.map((table) => g.reduceSum(g.gather(table, ids))).reduce((a, b) => g.add(a, b));
    for (const [name, gradient] of addGradients(g, loss, tables)) g.output(gradient, `grad.${name}`);
    return g.build('gathers');
  };
  const GRAPHS: Readonly<Record<string, () => Model>> = {
    training: () => resident(classes),
    'training of a regression': () => resident(squaredError()),
    'training on several labels a row': () => resident(binaryCrossEntropy({ labelCount: 3 })),
    'training on a ranking': () => resident(ofFirstLogit(listNet(4))),
    'training on a ranking text by text': () => resident(ofFirstLogit(relevanceCrossEntropy(2))),
    'training in half precision': () => resident(classes, 'float16'),
    'adversarial training': () => resident(adversarial(classes, published, 3)),
    'training by the fast gradient method': () => resident(fgm(classes, { epsilon: 1 })),
    'training by R-Drop': () => resident(rDrop(classes, { alpha: 1 })),
    'dropout masks': () => buildMaskGraph(stackSites(training(classes).randomSites, 1000), BATCH),
    'dropout masks and noise': () =>
      buildMaskGraph(stackSites(training(adversarial(classes, published, 3)).randomSites, 1000), BATCH),
    AdamW: () => buildAdamWGraph(updated, { betas: [0.9, 0.999], eps: 1e-8 }),
    'sum of gradients': () => buildGradientSumGraph(updated),
    'rows in a gradient of all': () => buildDenseGraph([8, 4]),
    'gradients of Gathers, in parts': () => gathers(4200),
    inference: () => buildClassifierGraph(network, BATCH, LENGTH, shapes, 'webgpu'),
    'training of tags': () => residentOf(tokenHead, 7, tokenCrossEntropy({ columns: 7, labelSmoothing: 0.1 })),
    'training of tags in half precision': () =>
      residentOf(tokenHead, 7, tokenCrossEntropy({ columns: 7, labelSmoothing: 0 }), 'float16'),
    'inference of tags': () => inference(tokenHead, 7),
    'training of spans': () => residentOf(spansHead, 3, spanCrossEntropy({ typeCount: 3, mostSpans: 4 })),
    'training of spans in half precision': () =>
      residentOf(spansHead, 3, spanCrossEntropy({ typeCount: 3, mostSpans: 4 }), 'float16'),
    'inference of spans': () => inference(spansHead, 3),
  };

  for (const [name, build] of Object.entries(GRAPHS)) {
    it(`are none, or are listed: ${name}`, async () => {
      const providers = await providersOf(build(), join(folder, name.replaceAll(' ', '-'))).catch((error) => {
        if (/half/.test(name) && error.code === 'UNSUPPORTED') return undefined;
        throw error;
      });
      // A device without half precision, such as the driver in software, says so: see training.test.ts.
      if (!providers) return;
      assert.ok((providers.get('WebGpuExecutionProvider')?.size ?? 0) > 0, 'the graph ran on the device');
      const elsewhere = [...providers].filter(([provider]) => provider !== 'WebGpuExecutionProvider');
      const unexplained = elsewhere.flatMap(([, operators]) =>
        [...operators].filter((operator) => !(operator in ON_THE_PROCESSOR)),
      );
      assert.deepEqual(unexplained, []);
    });
  }

  /** Operators that ran, by provider. */
  async function providersOf(model: Model, prefix: string): Promise<Map<string, Set<string>>> {
    const session = await Session.create(model, { device: 'webgpu', profilePrefix: prefix });
    const feeds = model.graph.inputs.map(({ name, dataType, shape: declared }): [string, Feed] => {
      // One of an open axis.
      const shape = declared.map((size) => (typeof size === 'number' ? size : 1));
      return [name, { dataType, shape, data: allocate(dataType, elementCount(shape)) }];
    });
    await session.run(Object.fromEntries(feeds));
    session.endProfiling();
    await session.release();
    const file = readdirSync(folder).find((entry) => join(folder, entry).startsWith(`${prefix}_`))!;
    const events = JSON.parse(readFileSync(join(folder, file), 'utf8')) as {
      cat: string;
      args?: { provider?: string; op_name?: string };
    }[];
    const providers = new Map<string, Set<string>>();
    for (const { cat, args } of events) {
      if (cat !== 'Node' || !args?.provider || !args.op_name) continue;
      providers.set(args.provider, (providers.get(args.provider) ?? new Set()).add(args.op_name));
    }
    return providers;
  }
});
