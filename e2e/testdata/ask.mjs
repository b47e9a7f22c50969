// Asks for the URLs with fetch and with the default agents of Node, as they come.
import http from 'node:http';
import https from 'node:https';

for (const url of process.argv.slice(2)) {
  process.stdout.write(await (await fetch(url)).text());
  await new Promise((done, failed) => {
    (url.startsWith('https:') ? https : http).get(url, (response) => {
      response.on('data', (piece) => process.stdout.write(piece));
      response.on('end', done);
    }).on('error', failed);
  });
}
