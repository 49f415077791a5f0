// A host for the dataset preview's page that holds no file: rows are made from their number, a million of them as
// easily as ten. All texts were written for this project.

/**
 * Runs in the page, before its script: what VS Code puts there, and answers to what the page asks. `options`: language,
 * wordings, theme, variables, rows, and `change` to the snapshot by path ("state.error").
 */
export function fakeHost(options) {
  const { language, wordings, theme, variables, rows: rowCount = 1_000_000, change = {}, delayMs = 0 } = options;
  const columns = options.columns ?? ['id', 'query1', 'query2', 'label', 'source', 'score'];
  const topics = [
    '高血压',
    '糖尿病',
    '慢性胃炎',
    '颈椎病',
    '过敏性鼻炎',
    '甲状腺结节',
    '白内障',
    '痛风',
    '湿疹',
    '支气管哮喘',
  ];
  const asks = [
    '怎么治疗',
    '吃什么药好',
    '能不能喝咖啡',
    '是怎么引起的',
    '需要做哪些检查',
    '会不会传染',
    '多久能好',
    '饮食要注意什么',
  ];
  const people = ['', '老年人', '孕妇', '小孩', '二十多岁的年轻人'];
  const noise = (i, salt) => ((Math.imul(i + 1, 2654435761) ^ Math.imul(salt + 7, 40503 * 65537)) >>> 0) / 2 ** 32;
  const pick = (list, i, salt) => list[Math.floor(noise(i, salt) * list.length)];
  const hostile = [
    ['<img src=x onerror="window.broken=1">是文本', '</script><script>window.broken=1</script>'],
    ['\u202e方向标记\u202c不应打乱其他列', 'هل يمكن لمرضى الضغط شرب القهوة؟'],
    ['𠮷野家的患者😀能喝咖啡吗？', '${window.broken=1} {{x}} &lt;b&gt;'],
  ];
  const longText = '患者男性，五十六岁，因反复上腹部隐痛三月余就诊，疼痛多于餐后加重，伴反酸、嗳气，无呕血及黑便。既往有高血压病史十年，规律服用氨氯地平，血压控制尚可；否认糖尿病、冠心病史。'.repeat(9); // prettier-ignore

  function rowOf(row) {
    const line = row + 2;
    if (row % 97 === 41) {
      const bad = {
        message: `Expected a comma or } after a value, found "query2".`,
        excerpt: '{ "id": "train-0042" "query2": "',
      };
      return { row, line, cells: [], bad, group: null, prediction: null };
    }
    const topic = pick(topics, row, 1);
    const first = `${pick(people, row, 2)}${topic}${pick(asks, row, 3)}`;
    const kind = Math.floor(noise(row, 4) * 3);
    const second = kind === 2 ? `${topic}患者${pick(asks, row, 3)}呢` : kind === 1 ? `${topic}${pick(asks, row, 5)}` : `${pick(topics, row, 6)}${pick(asks, row, 7)}`; // prettier-ignore
    const [a, b] =
      options.hostile && row < 3 ? hostile[row] : row === 7 ? [longText.slice(0, 600), second] : [first, second];
    const text = (value) => ({ kind: 'text', text: value });
    const cells = [
      text(`train-${String(row + 1).padStart(7, '0')}`),
      row === 7 ? { ...text(a), length: longText.length } : text(a),
      text(row % 53 === 12 ? '' : b),
      row % 61 === 9 ? null : text(String(kind)),
      row % 5 === 0 ? null : text(pick(['病历', '问答', '搜索'], row, 8)),
      { kind: 'number', text: noise(row, 9).toFixed(3) },
    ];
    return {
      row,
      line,
      cells: cells.slice(0, columns.length),
      bad: null,
      group: null,
      prediction: predictions.get(row) ?? null,
    };
  }

  /** Texts with entities, of which one lies in another. */
  function entityRowOf(row) {
    const line = row + 1;
    const disease = pick(topics, row, 1);
    const [part, drug] = [
      pick(['左肺上叶', '胃窦', '右膝'], row, 2),
      pick(['阿莫西林', '二甲双胍', '氨氯地平'], row, 3),
    ];
    const value = `患者${pick(people, row, 4)}${disease}三年，查${part}结节，予${drug}口服😀。`;
    const at = (text, type) => ({ start: value.indexOf(text), end: value.indexOf(text) + text.length, type });
    const entities =
      row % 7 === 3 ? [] : [at(disease, '疾病'), at(`${part}结节`, '症状'), at(part, '部位'), at(drug, '药物')];
    const cells = [
      { kind: 'text', text: value },
      { kind: 'json', text: JSON.stringify(entities) },
    ];
    return { row, line, cells, bad: null, group: null, prediction: null, ...(entities.length > 0 && { entities }) };
  }

  const predictions = new Map();
  const predictionOf = (row) => {
    if (options.entities) return markedPredictionOf(row);
    const kind = Math.floor(noise(row, 4) * 3);
    const label = row % 7 === 3 ? (kind + 1) % 3 : kind;
    return {
      label: String(label),
      probability: 0.5 + noise(row, 10) / 2,
      similarity: label / 2,
      differs: label !== kind,
    };
  };
  /** One type taken for another in every third row, and an entity missed in every fifth. */
  function markedPredictionOf(row) {
    const given = entityRowOf(row).entities ?? [];
    const marked = given.flatMap((entity, i) =>
      i === 1 && row % 3 === 0
        ? [
            { ...entity, outcome: 'missed' },
            { ...entity, type: '疾病', outcome: 'spurious' },
          ]
        : [{ ...entity, outcome: i === 3 && row % 5 === 1 ? 'missed' : 'same' }],
    );
    return {
      label: null,
      probability: 0.5 + noise(row, 10) / 2,
      similarity: null,
      entities: marked,
      differs: marked.some(({ outcome }) => outcome !== 'same'),
    };
  }
  const bins = (counts, from, width) =>
    counts.map((count, i) => ({ from: from + i * width, to: from + (i + 1) * width, count }));
  const distribution = (counts, from, width, rest) => ({ min: from, max: from + counts.length * width, mean: 11.62, median: 11, std: 3.814, bins: bins(counts, from, width), ...rest }); // prettier-ignore
  const share = (part) => Math.round(part * rowCount);
  const none = { working: false, fraction: 1, cancelled: false, error: null };
  const lengths = distribution([0.02, 0.09, 0.24, 0.31, 0.18, 0.09, 0.04, 0.02, 0.008, 0.002].map(share), 2, 4);
  const tokens = { distribution: distribution([0.01, 0.12, 0.3, 0.28, 0.16, 0.07, 0.04, 0.014, 0.005, 0.001].map(share), 8, 6), maxLength: 50, over: share(0.006), count: rowCount }; // prettier-ignore
  const insight = (column, type, rest) => ({ column, type, count: rowCount, missing: 0, distinct: rowCount, distinctIsExact: true, top: [], characters: null, numbers: null, tokens: null, ...rest }); // prettier-ignore
  const top = (...entries) => entries.map(([text, part]) => ({ text, count: share(part) }));
  const labelCounts = top(['0', 0.412], ['2', 0.331], ['1', 0.241]);
  const snapshot = {
    state: {
      splits: [
        { name: 'train', fileName: 'pairs-train.json', problem: null },
        { name: 'validation', fileName: 'pairs-dev.json', problem: null },
        {
          name: 'test',
          fileName: 'pairs-test.json',
          problem: { code: 'NOT_FOUND', message: 'The file is not there.' },
        },
      ],
      shown: 'train',
      file: {
        name: 'pairs-train.json',
        format: 'json',
        encoding: 'utf-8',
        sizeBytes: 187_412_903,
        warnings: [],
        hasLines: true,
      },
      sheet: null,
      sheets: [],
      columns,
      index: { rows: rowCount, bad: Math.floor((rowCount + 55) / 97), badRows: [{ row: 41, line: 43, message: 'Expected a comma.' }], working: false, fraction: 1, error: null }, // prettier-ignore
      error: null,
      mapping: { first_sequence: 'query1', second_sequence: 'query2', label: 'label' },
      mappingSource: 'guess',
      recipe: { name: 'medical-pairs', onBadRow: 'stop' },
      maxLength: 50,
      model: { name: 'medical-pairs', description: '12 × 768 · 0 / 1 / 2' },
      view: { id: 1, query: { search: null, filters: [], sort: null }, rows: rowCount, working: false, fraction: 1, partial: false, error: null }, // prettier-ignore
    },
    insights: {
      work: none,
      rows: rowCount,
      columns: [
        insight('id', 'text', { characters: { ...distribution([rowCount], 13, 1), min: 13, max: 13 } }),
        insight('query1', 'text', { distinct: 61_204, distinctIsExact: false, characters: lengths, tokens, top: top(['高血压怎么治疗', 0.0006], ['糖尿病吃什么药好', 0.0005]) }), // prettier-ignore
        insight('query2', 'text', {
          distinct: 60_877,
          distinctIsExact: false,
          missing: 0,
          characters: lengths,
          tokens,
        }),
        insight('label', 'category', { distinct: 3, missing: share(0.016), top: labelCounts }),
        insight('source', 'category', { distinct: 5, missing: share(0.2), top: top(['问答', 0.31], ['搜索', 0.27], ['病历', 0.22], ['门诊随访记录', 0.0004], ['其他', 0.0001]) }), // prettier-ignore
        insight('score', 'number', { distinct: 1000, numbers: { min: 0, max: 1, mean: 0.4987, median: 0.501, std: 0.2889, bins: bins([0.1, 0.11, 0.09, 0.1, 0.12, 0.08, 0.1, 0.1, 0.11, 0.09].map(share), 0, 0.1) } }), // prettier-ignore
      ].filter(({ column }) => columns.includes(column)),
      labels: [
        { split: 'train', rows: rowCount, missing: share(0.016), counts: labelCounts },
        { split: 'validation', rows: 1600, missing: 0, counts: [{ text: '0', count: 702 }, { text: '2', count: 511 }, { text: '1', count: 387 }] }, // prettier-ignore
      ],
      examples: tokens,
    },
    findings: {
      work: none,
      findings: [
        {
          id: 'bad',
          kind: 'badRows',
          rows: share(0.0103),
          groups: 0,
          examples: [{ message: 'line 43: Expected a comma or } after a value' }],
        },
        {
          id: 'con',
          kind: 'contradictions',
          rows: 1204,
          groups: 588,
          examples: [{ message: '高血压怎么治疗 · 高血压如何治疗: 1 / 2' }],
        },
        {
          id: 'ov',
          kind: 'overlap',
          rows: 37,
          groups: 37,
          examples: [{ message: '痛风饮食要注意什么 · 痛风不能吃什么' }],
          split: 'validation',
        },
        {
          id: 'dup',
          kind: 'duplicates',
          rows: 2310,
          groups: 1102,
          examples: [{ message: '湿疹会不会传染 · 湿疹传染吗' }],
        },
        {
          id: 'near',
          kind: 'nearDuplicates',
          rows: 412,
          groups: 203,
          examples: [{ message: '高血压能喝茶吗？ · 高血压可以喝茶吗', other: '高血压能喝茶吗 · 高血压可以喝茶吗？' }],
        },
        { id: 'eq', kind: 'equalSides', rows: 18, groups: 18, examples: [] },
        { id: 'long', kind: 'overlong', rows: share(0.006), groups: 0, examples: [] },
        {
          id: 'maj',
          kind: 'majorityBaseline',
          rows: 0,
          groups: 0,
          examples: [],
          label: '0',
          accuracy: 0.4187,
          macroF1: 0.1967,
        },
      ],
      coveredRows: rowCount,
      isComplete: true,
    },
    predictions: {
      work: { ...none, fraction: 0 },
      done: 0,
      total: rowCount,
      compared: 0,
      disagreements: 0,
      counts: [],
    },
  };
  for (const [path, value] of Object.entries(change)) {
    const names = path.split('.');
    const last = names.pop();
    names.reduce((at, name) => at[name], snapshot)[last] = value;
  }

  // Views: a subset by arithmetic, so that a million rows take no time.
  let viewId = snapshot.state.view.id;
  let indexOf = (index) => index;
  let groupOf = () => null;
  function setView(query) {
    const { filters, search, sort } = query;
    const finding = filters.find(({ kind }) => kind === 'finding');
    const step = search?.text === 'nothing' ? Infinity : filters.length + (search ? 1 : 0) === 0 ? 1 : 3;
    const rows = step === Infinity ? 0 : Math.ceil(rowCount / step);
    indexOf = filters.some(({ kind }) => kind === 'bad') ? (i) => 41 + 97 * i : sort?.descending ? (i) => (rows - 1 - i) * step : (i) => i * step; // prettier-ignore
    groupOf = finding ? (i) => Math.floor(i / 2) : () => null;
    const count = finding ? Math.min(rows, 24) : rows;
    snapshot.state = { ...snapshot.state, view: { id: ++viewId, query, rows: count, working: false, fraction: 1, partial: false, error: null } }; // prettier-ignore
    return { view: viewId };
  }
  const viewRow = (index) => ({ ...(options.entities ? entityRowOf : rowOf)(indexOf(index)), group: groupOf(index) });

  const answers = {
    initialize: () => ({ language, wordings, snapshot }),
    rows: ({ view, start, count }) => {
      const total = snapshot.state.view.rows;
      if (view !== viewId) throw { code: 'NOT_FOUND', message: 'The page shows another view now.' };
      const rows = Array.from({ length: Math.max(0, Math.min(count, total - start)) }, (_, i) => viewRow(start + i));
      return { rows, total };
    },
    cell: () => ({ text: longText, isWhole: true }),
    setView: (query) => {
      if (query.search?.text === '(?<=bad') throw { code: 'USAGE', message: 'no expression' };
      const result = setView(query);
      emit('state', snapshot.state);
      return result;
    },
    position: ({ row }) => ({ index: row }),
    setMapping: (mapping) => {
      snapshot.state = { ...snapshot.state, mapping, mappingSource: 'person' };
      emit('state', snapshot.state);
    },
    setMaxLength: ({ maxLength }) => {
      snapshot.state = { ...snapshot.state, maxLength };
      emit('state', snapshot.state);
    },
    showSplit: ({ name }) => {
      snapshot.state = { ...snapshot.state, shown: name, view: { ...snapshot.state.view, id: ++viewId } };
      emit('state', snapshot.state);
    },
    predict: ({ rows }) => {
      for (const row of rows) predictions.set(row, predictionOf(row));
      return { predictions: rows.map((row) => predictions.get(row)) };
    },
    copy: ({ ranges }) => ({ rows: ranges.reduce((sum, { count }) => sum + count, 0) }),
    export: () => ({ fileName: 'pairs-filtered.jsonl', rows: snapshot.state.view.rows }),
    writeMapping: () => ({ recipe: 'medical-pairs.medtext.json' }),
    planClean: ({ operations }) => ({
      rows: rowCount,
      operations: [
        { operation: 'html_entities', rows: share(0.021), examples: [{ before: '体温&gt;38.5&deg;C 怎么办', after: '体温>38.5°C 怎么办' }, { before: '…&nbsp;&nbsp;高血压', after: '…\u00a0\u00a0高血压' }] },
        { operation: 'zero_width', rows: share(0.004), examples: [{ before: '高\u200b血压能喝咖啡吗\ufeff', after: '高血压能喝咖啡吗' }] },
        { operation: 'half_width', rows: share(0.31), examples: [{ before: 'ＢＰ：１４０／９０　正常吗？', after: 'BP:140/90 正常吗?' }] },
        { operation: 'whitespace', rows: share(0.05), examples: [{ before: '头痛\n\n三天', after: '头痛 三天' }] },
        { operation: 'trim', rows: 0, examples: [] },
      ],
      changed: operations.length > 0 ? share(0.07 * operations.length) : 0,
      duplicates: { before: share(0.006), after: share(0.006 + 0.002 * operations.length) },
    }), // prettier-ignore
    writeClean: () => ({ name: 'pairs.clean.json' }),
    planSplit: ({ train, validation, test, group }) => ({
      parts: [['train', train], ['validation', validation], ['test', test]].filter(([, part]) => part > 0).map(([name, part]) => ({ name, rows: share(part * 0.99), groups: group ? share(part * 0.06) : null, labels: top(['0', 0.41 * part], ['2', 0.33 * part], ['1', 0.24 * part]) })), // prettier-ignore
      leftOut: share(0.0103),
    }),
    writeSplit: () => ({ names: ['pairs.train.json', 'pairs.validation.json'] }),
    start: ({ task }) => {
      if (task !== 'predictions') return;
      snapshot.predictions = { work: { ...none, working: true, fraction: 0.37 }, done: share(0.37), total: rowCount, compared: share(0.36), disagreements: share(0.05), counts: [] }; // prettier-ignore
      emit('predictions', snapshot.predictions);
    },
    cancel: ({ task }) => {
      if (task !== 'predictions') return;
      snapshot.predictions = { ...snapshot.predictions, work: { ...none, cancelled: true, fraction: 0.37 } };
      emit('predictions', snapshot.predictions);
    },
  };

  const calls = [];
  let page;
  const send = (message) =>
    window.postMessage({ page, message: JSON.parse(JSON.stringify({ jsonrpc: '2.0', ...message })) }, '*');
  const emit = (method, payload) => setTimeout(() => send({ method, params: { content: payload } }));
  Object.assign(window, { calls, emitToPage: emit, hostSnapshot: snapshot });

  let memory = options.memory;
  document.addEventListener('DOMContentLoaded', () => {
    document.body.className = theme;
    document.body.style.background = variables['--vscode-editor-background'];
    for (const [name, value] of Object.entries(variables)) document.documentElement.style.setProperty(name, value);
  });
  document.addEventListener('securitypolicyviolation', (event) =>
    console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`),
  );
  window.acquireVsCodeApi = () => ({
    getState: () => memory,
    setState: (next) => (memory = window.pageMemory = next),
    postMessage(sent) {
      page = sent.page;
      const { id, method, params } = sent.message;
      if (method === '$/cancelRequest') return calls.push(['cancelled', params.id]);
      if (id === undefined) return;
      calls.push([method, params.content]);
      setTimeout(
        () => {
          try {
            send({ id, result: { content: answers[method]?.(params.content) } });
          } catch ({ code, message }) {
            send({ id, error: { code: -31000, message, data: { code, message, detail: {} } } });
          }
        },
        method === 'rows' ? delayMs : 0,
      );
    },
  });
}
