import assert from 'node:assert/strict';
import { askedAdapters, macAdapters, nvidiaAdapters, windowsAdapters } from '../../src/devices/adapters';

describe('graphics adapters', () => {
  it('are read from nvidia-smi’s list', () => {
    assert.deepEqual(
      nvidiaAdapters('NVIDIA H100 80GB HBM3, 81559 MiB, 580.95.05\nTesla T4, 15360 MiB, 535.183.01\r\n'),
      [
        { name: 'NVIDIA H100 80GB HBM3', memoryBytes: 81559 * 2 ** 20, driver: '580.95.05' },
        { name: 'NVIDIA Tesla T4', memoryBytes: 15360 * 2 ** 20, driver: '535.183.01' },
      ],
    );
    assert.deepEqual(nvidiaAdapters('NVIDIA GB10, [N/A], 580.95.05\n'), [{ name: 'NVIDIA GB10', driver: '580.95.05' }]);
    assert.deepEqual(nvidiaAdapters("NVIDIA-SMI has failed because it couldn't communicate with the driver.\n"), []);
    assert.deepEqual(nvidiaAdapters(''), []);
  });

  it('are read from Windows’ answer, one or several, memory only where its 32 bits can hold it', () => {
    const one = '{"Name":"Intel(R) UHD Graphics 770","AdapterRAM":1073741824,"DriverVersion":"31.0.101.4502"}';
    const intel = { name: 'Intel(R) UHD Graphics 770', memoryBytes: 2 ** 30, driver: '31.0.101.4502' };
    assert.deepEqual(windowsAdapters(`\uFEFF${one}\r\n`), [intel]);
    const radeon = '{"Name":"AMD Radeon RX 7900 XTX","AdapterRAM":4293918720,"DriverVersion":"32.0.21025.1024"}';
    const remote = '{"Name":"Microsoft Remote Display Adapter","AdapterRAM":null,"DriverVersion":"10.0.22621.1"}';
    assert.deepEqual(windowsAdapters(`[${one},${radeon},${remote},{"Name":null},null]`), [
      intel,
      { name: 'AMD Radeon RX 7900 XTX', driver: '32.0.21025.1024' },
      { name: 'Microsoft Remote Display Adapter', driver: '10.0.22621.1' },
    ]);
    for (const broken of ['', 'null', '3', 'Get-CimInstance : Access denied', '['])
      assert.deepEqual(windowsAdapters(broken), []);
  });

  it('are read from macOS’s profile, of Apple’s chips and of Intel’s time', () => {
    const displays = [
      {
        _name: 'Apple M3 Max',
        spdisplays_vendor: 'sppci_vendor_Apple',
        sppci_cores: '40',
        sppci_model: 'Apple M3 Max',
      },
      { _name: 'AMD Radeon Pro 5500M', spdisplays_vram: '8 GB', sppci_model: 'AMD Radeon Pro 5500M' },
      { _name: 'spdisplays_display', _spdisplays_vram: '1536 MB', sppci_model: 'Intel UHD Graphics 630' },
      null,
    ];
    assert.deepEqual(macAdapters(JSON.stringify({ SPDisplaysDataType: displays })), [
      { name: 'Apple M3 Max' },
      { name: 'AMD Radeon Pro 5500M', memoryBytes: 8 * 2 ** 30 },
      { name: 'Intel UHD Graphics 630', memoryBytes: 1536 * 2 ** 20 },
    ]);
    for (const broken of ['', '{}', '{"SPDisplaysDataType":3}']) assert.deepEqual(macAdapters(broken), []);
  });

  it('are asked of the system’s program and the driver’s, a card told by both once', async () => {
    const asked: string[] = [];
    const ask = (answers: Readonly<Record<string, string>>) => async (program: string) => {
      asked.push(program);
      return answers[program] ?? '';
    };
    const windows = '[{"Name":"NVIDIA GeForce RTX 4090","AdapterRAM":4293918720,"DriverVersion":"32.0.15.8095"},{"Name":"Intel(R) UHD Graphics","AdapterRAM":1073741824,"DriverVersion":"31"}]'; // prettier-ignore
    const smi = 'NVIDIA GeForce RTX 4090, 24564 MiB, 580.95\n';
    assert.deepEqual(
      (await askedAdapters('win32', ask({ 'powershell.exe': windows, 'nvidia-smi': smi }))).map(({ name }) => name),
      ['NVIDIA GeForce RTX 4090', 'Intel(R) UHD Graphics'],
    );
    const [told] = await askedAdapters('win32', ask({ 'powershell.exe': windows }));
    assert.deepEqual(told, { name: 'NVIDIA GeForce RTX 4090', driver: '32.0.15.8095' });
    assert.deepEqual(await askedAdapters('darwin', ask({})), []);
    assert.deepEqual(asked, ['nvidia-smi', 'powershell.exe', 'nvidia-smi', 'powershell.exe', 'nvidia-smi', 'system_profiler']); // prettier-ignore
  });
});
