// Save every response in a folder while it passes: a file for each flow.

export function load(loader) {
  loader.add_option("save_folder", "str", "saved", "Where to save responses.");
}

export function responseheaders(flow) {
  const file = files.create(`${ctx.options.save_folder}/${flow.id}`);
  flow.file = file;
  flow.response.stream = (chunk) => {
    file.write(chunk);
    if (chunk.length === 0) {
      file.close(); // the end
      ctx.log.info(`saved ${file.path}`);
    }
    return chunk;
  };
}

export function error(flow) {
  flow.file?.close();
}
