// `npm run bench -- <name>`: one of the files beside this one.

const names = ['sign-ins', 'tokens', 'stored', 'sweep', 'storm', 'start', 'pages', 'picker', 'visits'];
const [name = ''] = process.argv.slice(2);

if (names.includes(name)) await import(`./${name}.ts`);
else {
  process.stderr.write(`npm run bench -- ${names.join(' | ')}\n`);
  process.exitCode = 64;
}
