// The page is whole without this: it only narrows the list of hosts, and opens all for the printer.
(() => {
  const form = document.getElementById("filter");
  const hosts = [...document.querySelectorAll("details.host")];
  const needle = document.getElementById("needle");
  const state = document.getElementById("state");
  const count = document.getElementById("count");
  const words = hosts.map((host) => host.querySelector("summary").textContent.toLowerCase());
  const narrow = () => {
    const wanted = needle.value.trim().toLowerCase();
    let left = 0;
    hosts.forEach((host, place) => {
      host.hidden = !((!wanted || words[place].includes(wanted)) && (!state.value || host.dataset.state === state.value));
      left += host.hidden ? 0 : 1;
    });
    count.textContent = `${left} of ${hosts.length} hosts`;
  };
  const reveal = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target || !target.matches("details")) return;
    if (target.hidden) { form.reset(); narrow(); }
    target.open = true;
    target.scrollIntoView();
  };
  form.hidden = false;
  form.addEventListener("input", narrow);
  form.addEventListener("submit", (event) => event.preventDefault());
  narrow();
  addEventListener("hashchange", reveal);
  reveal();
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open])")];
    closed.forEach((details) => { details.open = true; });
  });
  addEventListener("afterprint", () => closed.forEach((details) => { details.open = false; }));
})();
