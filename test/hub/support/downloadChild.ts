/** Downloads in a process of its own, to be killed: `endpoint reference folder`. */
import { HubClient } from '../../../src/hub/download';
import { parseHubReference } from '../../../src/hub/hubReference';
import { hubSettings } from '../../../src/hub/hubSettings';

const [endpoint, reference, folder] = process.argv.slice(2);

async function main(): Promise<void> {
  const settings = hubSettings({}, { endpoints: { modelscope: endpoint, huggingface: endpoint } });
  const client = new HubClient({ settings });
  const plan = await client.plan(parseHubReference(reference)!, folder);
  await client.download(plan, { onProgress: ({ doneBytes }) => console.log(doneBytes) });
  await client.close();
}

void main();
