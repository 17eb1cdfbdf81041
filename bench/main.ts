// `npm run bench -- <name>`: one of the files beside this one.

const names = ['start', 'picker', 'visits', 'tokens'];
const [name = ''] = process.argv.slice(2);

if (names.includes(name)) await import(`./${name}.ts`);
else {
  process.stderr.write(`npm run bench -- ${names.join(' | ')} (and npm run bench:sweep)\n`);
  process.exitCode = 64;
}
