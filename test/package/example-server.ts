import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { root } from './build-package.js';
import type { ScratchProject } from './scratch-project.js';
import { plainEnvironment, type Script, startScript, until } from './start-script.js';
import { freePort } from '../world/free-port.js';

const run = promisify(execFile);

/** Fit for AUTH_JWT_SECRET. */
export const SECRET = 'hT7yW2pLq9Zx4Nc6Vb8Mf3Kd5Gs1Rj0EuAoIiXvB';

export interface ExampleServer {
  readonly script: Script;
  /** `http://localhost:<port>`. */
  readonly origin: string;
}

/** Saves an example as `server.mjs` and starts it, as a README says; on PORT of `env` or a free one. */
export async function startExample(
  project: ScratchProject,
  code: string,
  env: Readonly<Record<string, string>>,
): Promise<ExampleServer> {
  const port = env['PORT'] ?? String(await freePort());
  const file = await project.write('server.mjs', code);
  const script = startScript([file], { cwd: project.folder, env: { ...env, PORT: port } });
  const origin = `http://localhost:${port}`;
  await until(script, () =>
    fetch(origin).then(
      () => true,
      () => false,
    ),
  );
  return { script, origin };
}

/** Runs `npx latchkey users add …` as a block of shell commands shows it. Returns the password that it prints. */
export async function addShownUser(
  project: ScratchProject,
  shell: string,
  env: Readonly<Record<string, string>>,
): Promise<string> {
  const [, command = ''] = /^npx latchkey (users add .+)$/m.exec(shell) ?? [];
  const { stdout } = await run(
    process.execPath,
    [path.join(root, 'dist/cli/latchkey.js'), ...command.split(' ')],
    { cwd: project.folder, env: { ...plainEnvironment(), ...env } },
  );
  return /^password (\S+)$/m.exec(stdout)?.[1] ?? '';
}
