// Other sites in a real browser (WEB-01, WEB-02): what they try with somebody who is signed in here.
//
// Told by the environment: ISSUER, FRIEND (an origin of `gateway.cors_origins`), EMAIL, PASSWORD, CHROMIUM.
// Exits 0 when nothing of it has an effect.

import { api, check, launch, site } from './shared.mjs'

const { ISSUER, FRIEND, EMAIL, PASSWORD } = process.env
const empty = '<!doctype html><title>Elsewhere</title><h1>Elsewhere</h1>'
const body = { email: EMAIL, password: PASSWORD }
const { access_token: token } = await api('POST', `${ISSUER}/auth/login`, { body })

// One on another site, and one on this site by another port, to which cookies go along.
const sites = [await site('127.0.0.1', empty), await site('localhost', empty)]
const friend = await site('127.0.0.1', empty, Number(new URL(FRIEND).port))
const browser = await launch()
const context = await browser.newContext()
const page = await context.newPage()

/** Is somebody signed in in the browser, and what is theirs? */
async function state() {
  await page.goto(`${ISSUER}/oauth/logout`)
  const signedIn = (await page.textContent('h1')) === 'Sign out?'
  const me = await api('GET', `${ISSUER}/users/me`, { token })
  const thoughts = await api('GET', `${ISSUER}/api/thoughts`, { token })
  const keys = await api('GET', `${ISSUER}/auth/passkeys`, { token })
  return JSON.stringify([signedIn, me.name, thoughts.items.length, keys.items.length])
}

/** What a page elsewhere does when somebody opens it. */
async function form(origin, method, path, fields, encoding) {
  await page.goto(origin)
  await Promise.all([
    page.waitForNavigation(),
    page.evaluate(([method, action, fields, encoding]) => {
      const form = document.createElement('form')
      Object.assign(form, { method, action, enctype: encoding })
      for (const [name, value] of Object.entries(fields)) {
        const field = document.createElement('input')
        Object.assign(field, { name, value })
        form.append(field)
      }
      document.body.append(form)
      form.submit()
    }, [method, ISSUER + path, fields, encoding]),
  ])
}

/** What a script elsewhere gets: the status, or that the browser refuses. */
async function script(origin, path, init) {
  await page.goto(origin)
  return page.evaluate(
    ([url, init]) => fetch(url, init).then((answer) => answer.type === 'opaque' ? 'opaque' : String(answer.status), () => 'refused'),
    [ISSUER + path, init],
  )
}

try {
  await page.goto(`${ISSUER}/oauth/sign-in`)
  await page.fill('#email', EMAIL)
  await page.fill('#password', PASSWORD)
  await page.keyboard.press('Enter')
  await page.waitForSelector('h1:has-text("Signed in")')
  const before = await state()
  check(before.startsWith('[true'), `somebody is signed in ${before}`)

  const thought = JSON.stringify({ text: 'not mine', tags: [] })
  const url = 'application/x-www-form-urlencoded'
  for (const { origin } of sites) {
    // WEB-01: forms, as they come, and dressed as JSON.
    await form(origin, 'post', '/oauth/logout', { csrf: 'x', client_id: '', post_logout_redirect_uri: '', state: '' }, url)
    await form(origin, 'get', '/oauth/logout', { decision: 'allow' }, url)
    await form(origin, 'post', '/oauth/sign-in', { csrf: 'x', next: '', email: 'mallory@example.com', password: PASSWORD }, url)
    await form(origin, 'post', '/oauth/consent', { csrf: 'x', next: '/oauth/authorize?', decision: 'allow' }, url)
    await form(origin, 'post', '/oauth/passkey', { csrf: 'x', next: '', way: 'sign-in' }, url)
    await form(origin, 'post', '/oauth/reset-password', { csrf: 'x', password: 'three ravens on it' }, url)
    await form(origin, 'post', '/api/thoughts', { '{"text":"not mine","x":"': '"}' }, 'text/plain')
    // WEB-01: requests that no browser asks leave for.
    for (const type of ['text/plain', url]) {
      const init = { method: 'POST', mode: 'no-cors', credentials: 'include', headers: { 'content-type': type }, body: thought }
      const learnt = await script(origin, '/api/thoughts', init)
      check(['opaque', 'refused'].includes(learnt), `${origin} learns nothing (${type}): ${learnt}`)
      await script(origin, '/auth/logout', init)
      await script(origin, '/oauth/logout', { ...init, body: 'csrf=x&client_id=&post_logout_redirect_uri=&state=' })
    }
    const after = await state()
    check(after === before, `nothing that ${origin} did had an effect ${after}`)

    // WEB-02: what needs leave gets none, with cookies or with a token.
    for (const credentials of ['omit', 'include']) {
      for (const [path, init] of [
        ['/users/me', { headers: { authorization: `Bearer ${token}` } }],
        ['/users/me', {}],
        ['/oauth/sign-in', {}],
        ['/api/thoughts', { method: 'POST', headers: { 'content-type': 'application/json' }, body: thought }],
        ['/users/me', { method: 'DELETE', headers: { authorization: `Bearer ${token}` } }],
      ]) {
        const got = await script(origin, path, { ...init, credentials })
        check(got === 'refused', `${origin} may not ${init.method ?? 'GET'} ${path} (${credentials})`)
      }
    }
    const framed = `<iframe sandbox="allow-scripts" srcdoc="<script>
      fetch('${ISSUER}/users/me', { headers: { authorization: 'Bearer ${token}' } })
        .then(() => parent.postMessage('read', '*'), () => parent.postMessage('refused', '*'))
      </script>"></iframe>`
    const nobody = await page.evaluate((html) => new Promise((told) => {
      addEventListener('message', (event) => told(event.data))
      document.body.innerHTML = html
    }), framed)
    check(nobody === 'refused', 'an origin of null is nobody')
    check((await state()) === before, `nor had what ${origin} asked`)
  }

  // WEB-02: an origin that an operator has named may, with a token and by nothing else.
  const mine = { headers: { authorization: `Bearer ${token}` } }
  check((await script(friend.origin, '/users/me', mine)) === '200', 'a named origin may')
  check((await script(friend.origin, '/users/me', {})) === '401', 'but nobody is signed in by it')
  const cookies = await script(friend.origin, '/users/me', { credentials: 'include' })
  check(cookies === '401', `nor by a cookie ${cookies}`)
  check((await state()) === before, 'at the end nothing has changed')
} finally {
  await browser.close()
  for (const { close } of [...sites, friend]) close()
}
