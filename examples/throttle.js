// At most RATE bytes a second: an async generator over the chunks.

const RATE = 64 * 1024;
const sleep = (ms) => new Promise((ok) => setTimeout(ok, ms));

export function responseheaders(flow) {
  flow.response.stream = async function* (chunks) {
    for await (const chunk of chunks) {
      await sleep((1000 * chunk.length) / RATE);
      yield chunk;
    }
  };
}
