/** The page. Who is there, and what there is to see, comes by its script. */
export function page(platformOrigin: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="platform-origin" content="${platformOrigin}">
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/assets/page.css">
<title>Shipping</title>
<header>
  <h1>Shipping</h1>
  <p id="who"></p>
</header>
<main>
  <p id="message" role="alert" hidden></p>
  <table>
    <caption>Orders</caption>
    <thead><tr><th scope="col">Order</th><th scope="col">Customer</th><th scope="col">State</th></tr></thead>
    <tbody id="orders"></tbody>
  </table>
  <button id="reload" type="button">Load again</button>
</main>
<script type="module" src="/assets/page.js"></script>
</html>
`;
}
