// Where a page has a place for the model (div.live), puts a button there that loads it, once for the whole page.
// Small figures (div.live-figure) start by themselves. Without JavaScript a picture and a sentence stay where they are.
(() => {
  const { src, dataset } = document.currentScript;
  const loading = {};

  const load = (file, name) => {
    loading[file] ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = new URL(`live/${file}`, src);
      script.onload = () => resolve(window[name]);
      script.onerror = () => {
        delete loading[file]; // so that one can try again
        reject(new Error(`could not load ${file}`));
      };
      document.head.append(script);
    });
    return loading[file];
  };

  const offer = (place) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "live-load";
    button.textContent = `Load the model (${dataset.kilobytes} kB, then it works offline)`;
    button.addEventListener("click", async () => {
      button.disabled = true;
      button.textContent = "Loading ...";
      try {
        await (await load("clip.js", "toyclipLive")).mount(place);
      } catch (error) {
        button.disabled = false;
        button.textContent = `That failed: ${error.message}. Try again`;
      }
    });
    place.querySelectorAll(":scope > p:not(:has(img))").forEach((said) => (said.hidden = true)); // for no JavaScript
    place.append(button);
    if (location.hash.startsWith("#preset=") && place.classList.contains("live-train")) button.click();
  };

  const link = (row, claims) => {
    // a claim of the ledger that the page can run again
    const claim = row.querySelector("th a")?.textContent.trim();
    if (!(claim in claims)) return;
    const again = document.createElement("a");
    again.className = "live-again";
    again.href = `live.html#preset=${claims[claim]}`;
    again.textContent = "run it again, here";
    again.setAttribute("aria-label", `Run ${claim} again in your browser`);
    row.querySelector("th").append(again);
  };

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("div.live").forEach(offer);
    for (const place of document.querySelectorAll("div.live-figure")) {
      const mounted = load("figures.js", "toyclipFigures").then((figures) => figures.mount(place));
      mounted.catch(() => {}); // the sentence stays where the figure would be
    }
    const claims = JSON.parse(dataset.claims);
    document.querySelectorAll("div.ledger tbody tr").forEach((row) => link(row, claims));
  });
})();
