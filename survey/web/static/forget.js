// Wipes what the visit pages kept of unfinished typing in this browser (signing in and out).
for (const key of Object.keys(localStorage)) if (key.startsWith("minqing:")) localStorage.removeItem(key);
