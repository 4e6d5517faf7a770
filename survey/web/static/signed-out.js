/* After signing out nothing of unfinished text stays in this browser. */
(function () {
  [window.localStorage, window.sessionStorage].forEach(function (storage) {
    Object.keys(storage).forEach(function (key) {
      if (key.indexOf("minqing") === 0 || key.indexOf("mq") === 0) { storage.removeItem(key); }
    });
  });
  if (window.indexedDB && indexedDB.databases) {
    indexedDB.databases().then(function (all) {
      all.forEach(function (one) { if (one.name.indexOf("minqing") === 0) { indexedDB.deleteDatabase(one.name); } });
    });
  }
})();
