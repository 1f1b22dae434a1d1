// Before anything is painted: the colours that were chosen, else the system's.
try {
  const theme = localStorage.getItem('sciurus-theme')
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme
} catch {
  // No storage: the system's.
}
