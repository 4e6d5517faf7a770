// Brings a field into view once per turn: after “next”, after “to the next open question”, after a refused submit.
export default function ({ data, parentElement }) {
  parentElement.style.display = "none";
  if (parentElement.minqingTurn === undefined && data.turn === 0) parentElement.minqingTurn = 0;
  if (parentElement.minqingTurn === data.turn) return;
  parentElement.minqingTurn = data.turn;
  const main = document.querySelector('[data-testid="stMain"]') ?? document.scrollingElement;
  let tries = 0;
  const look = () => {
    const field = data.to ? document.querySelector(`.${CSS.escape(data.to)}`) : null;
    if (data.to && !field && tries++ < 20) return setTimeout(look, 50);
    if (field) field.scrollIntoView({ block: field.offsetHeight > innerHeight * 0.6 ? "start" : "center" });
    else main.scrollTo({ top: 0 });
  };
  setTimeout(look, 50);
}
