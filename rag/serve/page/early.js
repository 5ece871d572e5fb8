// Runs before anything is drawn: a page that turned dark a moment later would flash. No module, since those wait.
{
  let choice = null;
  try {
    choice = JSON.parse(localStorage.getItem("russian-rag.theme"));
  } catch {
    // Storage is forbidden, or holds what this page has not written.
  }
  const dark = choice === "dark" || (choice !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = dark ? "dark" : "light";
}
