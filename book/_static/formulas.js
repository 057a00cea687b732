// Formulas: KaTeX draws what Sphinx leaves between \( \) and \[ \]. Without JavaScript the TeX itself can be read.
document.addEventListener("DOMContentLoaded", () => {
  for (const place of document.querySelectorAll(".math.notranslate")) {
    const source = [...place.childNodes].find((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
    if (!source) continue;
    const displayMode = source.data.trim().startsWith("\\[");
    const drawn = document.createElement("span");
    try {
      katex.render(source.data.trim().slice(2, -2), drawn, { displayMode });
      source.replaceWith(drawn);
    } catch (error) {
      console.error(`${error.message} (formula ${source.data.trim()})`);
    }
  }
});
