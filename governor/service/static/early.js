// Runs before the first paint, so that the page never shows in the other theme first.
document.documentElement.dataset.theme = localStorage.getItem("theme") ?? "auto";
