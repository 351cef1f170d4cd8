// A real browser on every page of identity, with Chromium's own virtual authenticator: passkeys, second
// factors, forgotten passwords, by keyboard, under the eyes of axe.
//
// Told by the environment: ISSUER, OPS, CLIENT_ID, CLIENT_SECRET, EMAIL, PASSWORD, CHROMIUM and, when
// pictures of the pages are wanted, SCREENS (a folder). Exits 0 when everything is as it should be.

import { open } from './program.mjs'
import { accessible, api, check, picture, reach, totp } from './shared.mjs'

const { ISSUER, OPS, EMAIL, PASSWORD } = process.env
const NEW = 'two ravens on a wire 77'

const { context, page, begin, finish, unblocked, close } = await open()
const addresses = []
page.on('request', (request) => addresses.push(request.url()))

/** The newest link to this page in a letter. A letter is sent soon, not at once. */
async function letter(path) {
  for (let tries = 0; tries < 100; tries += 1) {
    const text = await (await fetch(`${OPS}/mail`)).text()
    const plain = text.replaceAll('=\r\n', '').replaceAll('=\n', '').replaceAll('=3D', '=').replaceAll('&amp;', '&')
    const found = plain.match(new RegExp(`${ISSUER}${path}\\?token=[\\w-]+`))
    if (found) return found[0]
    await new Promise((later) => setTimeout(later, 100))
  }
  throw new Error(`failed: no letter leads to ${path}`)
}

/** Signs in with the password as far as the second factor. */
async function password(text) {
  await page.fill('#email', EMAIL)
  await page.fill('#password', text)
  await page.keyboard.press('Enter')
}

try {
  const devtools = await context.newCDPSession(page)
  await devtools.send('WebAuthn.enable')
  const { authenticatorId } = await devtools.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2', transport: 'internal', hasResidentKey: true,
      hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true,
    },
  })
  const verified = (isUserVerified) =>
    devtools.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified })

  // A passkey is made (AUTN-18): by our own application, whose part this script plays.
  const { access_token: token } = await api('POST', `${ISSUER}/auth/login`, { body: { email: EMAIL, password: PASSWORD } })
  await page.goto(`${ISSUER}/oauth/sign-in`)
  const options = await api('POST', `${ISSUER}/auth/passkeys/begin`, { token, body: {} })
  const credential = await page.evaluate(async (json) => {
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(json)
    return (await navigator.credentials.create({ publicKey })).toJSON()
  }, options)
  const body = { name: 'Chromium', credential }
  const made = await api('POST', `${ISSUER}/auth/passkeys`, { token, body, status: 201 })
  check(made.recovery_codes.length === 10, 'a passkey is made in a real browser')

  // Alone: it is all a program needs that asks for the most.
  let asked = await begin({ acr_values: 'phr' })
  await accessible(page, 'sign-in')
  await picture(page, 'sign-in')
  await verified(false)
  await page.click('text=Sign in with a passkey')
  await page.waitForSelector('#problem:not([hidden])')
  await accessible(page, 'passkey')
  await picture(page, 'passkey')
  await verified(true)
  await page.click('#ask')
  await page.waitForSelector('button[value=allow]')
  await page.click('button[value=allow]')
  let claims = (await finish(asked)).claims()
  check(claims.acr === 'phr' && claims.amr.includes('mfa'), `a passkey signs in: ${claims.amr}`)

  // After a password, by keyboard alone (WEB-04).
  const begun = await api('POST', `${ISSUER}/auth/factors`, { token, body: { factor: 'totp' }, status: 201 })
  const shown = { factor: 'totp', code: totp(begun.secret) }
  await api('POST', `${ISSUER}/auth/factors/confirm`, { token, body: { shown } })
  await context.clearCookies()
  asked = await begin()
  await reach(page, '#email')
  await page.keyboard.type(EMAIL)
  await reach(page, '#password')
  await page.keyboard.type(PASSWORD)
  await reach(page, 'form[action="/oauth/sign-in"] button')
  await page.keyboard.press('Enter')
  await page.waitForSelector('#code')
  await accessible(page, 'second factor')
  await picture(page, 'second-factor')
  await reach(page, '#code')
  await page.keyboard.type('000000')
  await page.keyboard.press('Enter')
  await page.waitForSelector('[role=alert]')
  await accessible(page, 'second factor with a problem')
  await reach(page, 'a[href*=recovery_code]')
  await page.keyboard.press('Enter')
  await page.waitForSelector('label:has-text("Recovery code")')
  await accessible(page, 'recovery code')
  await reach(page, '#code')
  await page.keyboard.type(made.recovery_codes[0])
  await page.keyboard.press('Enter')
  claims = (await finish(asked)).claims()
  check(claims.acr === 'aal2' && claims.amr.includes('otp'), `a code is a second factor: ${claims.amr}`)

  // A passkey after a password.
  await context.clearCookies()
  asked = await begin()
  await password(PASSWORD)
  await page.click('text=Use a passkey')
  claims = (await finish(asked)).claims()
  check(claims.acr === 'phr' && claims.amr.includes('pwd'), `a passkey is a second factor: ${claims.amr}`)

  // A forgotten password (AUTN-19).
  await context.clearCookies()
  await page.goto(`${ISSUER}/oauth/sign-in`)
  await page.click('text=Forgot your password?')
  await accessible(page, 'forgotten')
  await picture(page, 'forgotten')
  await page.fill('#email', EMAIL)
  await page.keyboard.press('Enter')
  await page.waitForSelector('h1:has-text("Look into your mailbox")')
  await accessible(page, 'forgotten, sent')
  const link = await letter('/oauth/reset-password')
  await page.goto(link)
  check(page.url() === `${ISSUER}/oauth/reset-password`, 'no token stays in the address')
  await accessible(page, 'reset')
  await picture(page, 'reset')
  await page.fill('#password', 'password1')
  await page.keyboard.press('Enter')
  await page.waitForSelector('[role=alert]')
  await accessible(page, 'reset with a problem')
  await page.fill('#password', NEW)
  await page.keyboard.press('Enter')
  await page.waitForSelector('h1:has-text("Password set")')

  // An address is confirmed.
  await page.goto(`${ISSUER}/oauth/sign-in`)
  await password(NEW)
  await page.click('text=Use a passkey')
  await page.waitForSelector('h1:has-text("Signed in")')
  await accessible(page, 'signed in')
  const again = await api('POST', `${ISSUER}/auth/login`, { body: { email: EMAIL, password: NEW } })
  const next = { pending: again.pending, shown: { factor: 'recovery_code', code: made.recovery_codes[1] } }
  const { access_token } = await api('POST', `${ISSUER}/auth/login/continue`, { body: next })
  await api('POST', `${ISSUER}/auth/email`, { token: access_token, body: { email: EMAIL }, status: 204 })
  await page.goto(await letter('/oauth/verify-email'))
  check(page.url() === `${ISSUER}/oauth/verify-email`, 'nor of the other letter')
  await accessible(page, 'verify')
  await picture(page, 'verify-email')
  await reach(page, 'button')
  await page.keyboard.press('Enter')
  await page.waitForSelector('h1:has-text("Confirmed")')

  // WEB-03: no secret in an address but that of a letter, which is the letter's; none in the browser's storage.
  const secret = /access_token=|refresh_token=|pending=|session=|csrf=|password=/
  check(!addresses.some((address) => secret.test(address)), 'no secret stands in an address')
  const kept = await page.evaluate(() => localStorage.length + sessionStorage.length)
  check(kept === 0 && (await page.evaluate(() => document.cookie)) === '', 'nothing that a script could read is kept')

  // WEB-03: signing out by keyboard clears the site's data, and nothing is behind the back button.
  await page.goto(`${ISSUER}/oauth/logout`)
  await accessible(page, 'sign-out')
  await reach(page, 'button')
  const [gone] = await Promise.all([
    page.waitForResponse((answer) => answer.request().method() === 'POST'),
    page.keyboard.press('Enter'),
  ])
  check((await gone.allHeaders())['clear-site-data']?.includes('"cache"'), 'Clear-Site-Data')
  await page.waitForSelector('h1:has-text("Signed out")')
  await page.goBack()
  await page.waitForLoadState()
  const behind = await page.content()
  check(!behind.includes(EMAIL) && !behind.includes('Sign out?'), 'nothing is behind the back button')

  unblocked()
} finally {
  await close()
}
