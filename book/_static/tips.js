// Terms of the glossary: the definition, hidden in the page, is shown on hover, on focus and at the first tap.
// It stays while the pointer is on the term or on the definition itself, and Escape closes it (WCAG 1.4.13).
{
  const DELAY = 200; // ms to get from the term to the definition
  const GAP = 6; // px between the two
  let shown = null; // { link, tip }
  let leaving = 0;
  let touched = false; // whether the last press was by finger

  const hide = () => {
    clearTimeout(leaving);
    if (shown) shown.tip.hidden = true;
    shown = null;
  };

  const place = (link, tip) => {
    const words = link.getClientRects()[0]; // a term may run over two lines
    const room = document.documentElement.clientWidth;
    tip.style.left = `${Math.max(GAP, Math.min(words.left, room - tip.offsetWidth - GAP))}px`;
    const below = words.bottom + GAP;
    const fits = below + tip.offsetHeight < window.innerHeight || words.top < tip.offsetHeight + GAP;
    tip.style.top = `${fits ? below : words.top - GAP - tip.offsetHeight}px`;
  };

  const show = (link) => {
    const tip = document.getElementById(link.getAttribute("aria-describedby"));
    clearTimeout(leaving);
    if (!tip || shown?.link === link) return;
    hide();
    tip.hidden = false;
    shown = { link, tip };
    place(link, tip);
  };

  const leave = (part) => {
    if (!shown || !Object.values(shown).includes(part)) return;
    clearTimeout(leaving);
    leaving = setTimeout(hide, DELAY);
  };
  const byFinger = (event) => event.pointerType === "touch";

  const setUp = (link) => {
    link.addEventListener("pointerenter", (event) => byFinger(event) || show(link));
    link.addEventListener("pointerleave", (event) => byFinger(event) || leave(link));
    link.addEventListener("focus", () => touched || show(link));
    link.addEventListener("blur", () => leave(link));
    link.addEventListener("click", (event) => {
      if (!touched || shown?.link === link) return; // a second tap follows the link
      event.preventDefault();
      show(link);
    });
  };

  document.querySelectorAll("a.glossary-term").forEach(setUp);
  for (const tip of document.querySelectorAll(".glossary-tip")) {
    tip.addEventListener("pointerenter", () => clearTimeout(leaving));
    tip.addEventListener("pointerleave", (event) => byFinger(event) || leave(tip));
  }
  document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
  document.addEventListener(
    "pointerdown",
    (event) => {
      touched = byFinger(event);
      if (!event.target.closest?.("a.glossary-term, .glossary-tip")) hide();
    },
    true,
  );
  document.addEventListener("keydown", () => (touched = false), true);
  window.addEventListener("scroll", () => shown && place(shown.link, shown.tip), { passive: true, capture: true });
  window.addEventListener("resize", hide);
}
