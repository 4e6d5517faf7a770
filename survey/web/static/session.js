/* In Streamlit's pages: when the session is over, lead to sign-in and back here.
   A page whose connection broke only shows that it reconnects; this asks the server why. Asked when the tablet is
   woken, when the network is back, and every five minutes. What was typed is in the draft or mirrored here. */
(function () {
  "use strict";
  var EVERY_MS = 5 * 60 * 1000, LEAST_MS = 2000, last = 0;
  function leave() {
    var here = window.location.pathname + window.location.search;
    window.location.assign("/sign-in?next=" + encodeURIComponent(here));
  }
  function ask() {
    var now = Date.now();
    if (document.hidden || now - last < LEAST_MS) { return; }
    last = now;
    var request = new XMLHttpRequest();
    request.open("GET", "/session?at=" + now);
    request.setRequestHeader("Accept", "application/json");
    request.onload = function () { if (request.status === 401 || request.status === 403) { leave(); } };
    request.send();
  }
  document.addEventListener("visibilitychange", ask);
  window.addEventListener("online", ask);
  window.addEventListener("pageshow", ask);
  window.setInterval(ask, EVERY_MS);
})();
