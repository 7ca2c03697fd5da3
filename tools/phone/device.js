// What the browser says about the phone it runs on.

const HINTS = ['model', 'platform', 'platformVersion', 'architecture', 'bitness', 'fullVersionList'];

/** A description; what a browser keeps to itself is left out. */
export async function describe() {
  const found = {
    user_agent: navigator.userAgent,
    cores: navigator.hardwareConcurrency,
    memory_gb: navigator.deviceMemory,
    gpu: gpu(),
    screen: `${screen.width}x${screen.height} at ${devicePixelRatio}`,
  };
  // Only pages over https or from the phone itself may ask for these.
  if (navigator.userAgentData) {
    const told = await navigator.userAgentData.getHighEntropyValues(HINTS).catch(() => ({}));
    found.model = told.model;
    found.platform = [told.platform, told.platformVersion].filter(Boolean).join(' ');
    found.architecture = [told.architecture, told.bitness].filter(Boolean).join(' ');
  }
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value));
}

function gpu() {
  const context = document.createElement('canvas').getContext('webgl');
  const names = context && context.getExtension('WEBGL_debug_renderer_info');
  return names ? context.getParameter(names.UNMASKED_RENDERER_WEBGL) : undefined;
}
