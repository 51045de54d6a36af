const frame = document.querySelector('#app');
const appOrigin = new URL(frame.src).origin;
const user = document.querySelector('#user');
const answer = document.querySelector('#answer');

function post(message) {
  // To the app only, whatever may have been loaded into the frame meanwhile.
  frame.contentWindow.postMessage(message, appOrigin);
}

async function handToken() {
  const response = await fetch(`/token?user=${user.value}`);
  post({ type: 'token', token: await response.text() });
}

window.addEventListener('message', ({ origin, source, data }) => {
  if (origin !== appOrigin || source !== frame.contentWindow) return;
  if (data.type !== 'token-wanted' || answer.value === 'nothing') return;
  if (answer.value === 'token') void handToken();
  else post({ type: 'token-refused', reason: 'you have signed out' });
});

// Another user: the app starts anew.
user.addEventListener('change', () => (frame.src = `${appOrigin}/`));
