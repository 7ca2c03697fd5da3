// Tries a version beside the page, which goes on meanwhile. Written by tfedge.

import {{ "{" }}{{ model.class_name }}, runtime} from './model.js';

// LiteRT.js takes its loader by importScripts, which a module has only by name, and its WebAssembly
// from beside the loader, not from beside this file.
self.importScripts = (address) => {
  self.Module = {locateFile: (name) => new URL(name, address).href};
  const request = new XMLHttpRequest();
  request.open('GET', address, false);
  request.send();
  (0, eval)(request.responseText);
};

onmessage = async ({data: {content, golden, options}}) => {
  try {
    await runtime(options);
  } catch (cause) {
    postMessage({unready: `LiteRT.js does not start in a worker: ${cause.message ?? cause}`});
    return;
  }
  postMessage({started: true}); // from here on it is the version's fault
  try {
    const model = await {{ model.class_name }}.load(options, content);
    await model.probe(golden);
    postMessage({passed: true});
  } catch (cause) {
    postMessage({refused: cause.message ?? String(cause)});
  }
};
postMessage({ready: true});
