// Unpacks the model beside the page, which goes on meanwhile. Written by tfedge.

import {unpack} from './unpack.js';

onmessage = async ({data: {packed, primer, size}}) => {
  try {
    const bytes = await unpack(packed, primer, size);
    postMessage({bytes}, {transfer: [bytes.buffer]});
  } catch (cause) {
    postMessage({refused: cause.message});
  }
};
