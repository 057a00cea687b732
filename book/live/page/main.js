// The page's own script: unpacks what it came with, and puts the parts where a page asks for them.
import { readSafetensors } from "../checkpoint.js";
import { CLASSES, caption, draw } from "../data.js";
import { ToyCLIP } from "../encoders.js";
import { loadProducts } from "../products.js";
import { rng } from "../random.js";
import { ask } from "./ask.js";
import { pushAndPull } from "./circle.js";
import { html } from "./dom.js";
import { seeLoss } from "./matrix8.js";
import { train } from "./training_page.js";
import { serve } from "./worker.js";

const PARTS = { ask, train, see: seeLoss, circle: pushAndPull };

function unpack(base64) {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}

/** Bytes that were packed with zlib, by the browser's own means. */
async function inflate(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** What the parts of one page share: the two models, the worker's text, and who wants to know of a change. */
function makeSession(assets, live) {
  const listeners = [],
    kernel = assets.kernel ? unpack(assets.kernel) : null;
  let opening = null,
    products = null,
    shipped = null,
    asking = null,
    tried = 0;
  const session = {
    assets,
    trained: null,
    chosen: "shipped",
    async open() {
      // the model that comes with the book
      opening ??= Promise.all([loadProducts(session.kernel()), inflate(unpack(assets.weights))]);
      const [loaded, weights] = await opening;
      products = loaded;
      shipped ??= ToyCLIP.fromTensors(products, readSafetensors(weights));
    },
    kernel: () => (new URLSearchParams(location.search).has("plain") ? null : kernel), // ?plain: without WebAssembly
    model: () => (session.chosen === "trained" ? session.trained.model : shipped),
    choose(name) {
      session.chosen = name;
      session.changed();
    },
    onchange: (listener) => listeners.push(listener),
    changed: () => listeners.forEach((listener) => listener()),
    keep({ weights }, says) {
      // what was trained in the worker
      session.trained = { model: ToyCLIP.fromTensors(products, new Map(weights)), says };
      session.choose("trained");
    },
    asks: (part) => {
      asking = part;
    },
    async askAbout(c) {
      // a new picture of class c, in the part that asks
      const generator = rng(tried++, "asked about");
      if (!asking) await session.mount(document.querySelector("div.live-ask"));
      asking.ask(draw(...CLASSES[c], generator), caption(...CLASSES[c]));
      asking.place.scrollIntoView({ block: "start" });
      asking.place.querySelector(".live-app").focus({ preventScroll: true });
    },
    worker(onmessage) {
      // begins at the first message, so that a page that is only read starts none
      let worker = null;
      return {
        post(message) {
          if (!worker && message.type === "stop") return;
          if (!worker) {
            const address = URL.createObjectURL(new Blob([`(${live})(null)`], { type: "text/javascript" }));
            worker = new Worker(address);
            URL.revokeObjectURL(address);
            worker.onmessage = ({ data }) => onmessage(data);
            worker.onerror = (event) => onmessage({ type: "error", message: event.message });
            worker.postMessage({ type: "kernel", kernel: session.kernel() });
          }
          worker.postMessage(message);
        },
      };
    },
  };
  return session;
}

/** Called once when the script is loaded, with its assets and its own function; in a worker without assets. */
export function start(assets, live) {
  if (typeof document === "undefined") return serve(self);
  const session = makeSession(assets, live);
  const page = {
    /** Put into `place`, a div.live, the part that its other class names: live-ask, live-train, ... */
    async mount(place) {
      const name = Object.keys(PARTS).find((part) => place.classList.contains(`live-${part}`));
      await session.open();
      const app = html("div", { class: "live-app", tabindex: -1 }); // focused, where the button was that is gone
      const focused = place.contains(document.activeElement) || document.activeElement === document.body;
      place.replaceChildren(app);
      if (focused) app.focus({ preventScroll: true });
      const part = PARTS[name](app, session);
      if (name === "ask") session.asks({ ...part, place });
      const preset = /#preset=([\w-]+)/.exec(location.hash);
      if (name === "train" && preset) {
        part.choose(preset[1]);
        place.scrollIntoView({ block: "start" });
      }
      place.dataset.ready = "yes";
    },
  };
  session.mount = page.mount;
  return page;
}
