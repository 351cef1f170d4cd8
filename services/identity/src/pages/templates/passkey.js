// Asks the browser for a passkey and sends its answer with the form of the page. Nothing else.
'use strict';

(() => {
  const form = document.getElementById('passkey');
  const problem = document.getElementById('problem');

  const bytes = (text) => {
    const plain = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
    return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
  };

  const text = (buffer) => {
    const plain = String.fromCharCode(...new Uint8Array(buffer));
    return btoa(plain).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
  };

  const options = () => {
    const asked = JSON.parse(form.dataset.options);
    asked.challenge = bytes(asked.challenge);
    for (const known of asked.allowCredentials) known.id = bytes(known.id);
    return asked;
  };

  const ask = async () => {
    problem.hidden = true;
    try {
      const { id, response } = await navigator.credentials.get({ publicKey: options() });
      form.elements.credential.value = JSON.stringify({
        id,
        response: {
          clientDataJSON: text(response.clientDataJSON),
          authenticatorData: text(response.authenticatorData),
          signature: text(response.signature),
          userHandle: response.userHandle ? text(response.userHandle) : null,
        },
      });
      form.submit();
    } catch {
      problem.hidden = false;
    }
  };

  document.getElementById('ask').addEventListener('click', ask);
  ask();
})();
