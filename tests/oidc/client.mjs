// A real client signs a person in: openid-client, with a real browser (Chromium, by playwright-core).
//
// Told by the environment: ISSUER, CLIENT_ID, CLIENT_SECRET, DEVICE_ID, EMAIL, PASSWORD, CHROMIUM and, when
// pictures of the pages are wanted, SCREENS (a folder). Exits 0 when everything is as it should be.

import * as client from 'openid-client'
import { insecure, open } from './program.mjs'
import { accessible, check, picture } from './shared.mjs'

const { ISSUER, DEVICE_ID, EMAIL, PASSWORD } = process.env
const { config, context, page, begin, finish, unblocked, close } = await open()

try {
  const asked = await begin({ scope: 'openid profile email' })
  await accessible(page, 'sign-in')
  await picture(page, 'sign-in')
  await page.fill('#email', EMAIL)
  await page.fill('#password', 'not the password')
  await page.keyboard.press('Enter')
  await page.waitForSelector('[role=alert]')
  await accessible(page, 'sign-in with a problem')
  await picture(page, 'sign-in-problem')
  await page.fill('#password', PASSWORD)
  await page.keyboard.press('Enter')
  await page.waitForSelector('button[value=allow]')
  await accessible(page, 'consent')
  await picture(page, 'consent')
  await page.click('button[value=allow]')
  const tokens = await finish(asked)
  check(tokens.claims().email === EMAIL, 'a real browser and openid-client sign in')
  const info = await client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub)
  check(info.name, 'userinfo')
  const fresh = await client.refreshTokenGrant(config, tokens.refresh_token)
  check(fresh.refresh_token !== tokens.refresh_token, 'refresh tokens rotate')

  const device = await client.discovery(new URL(ISSUER), DEVICE_ID, undefined, client.None(), insecure)
  const codes = await client.initiateDeviceAuthorization(device, { scope: 'openid' })
  await page.goto(codes.verification_uri_complete)
  await accessible(page, 'device')
  await page.click('button[value=look]')
  await page.waitForSelector('button[value=allow]')
  await picture(page, 'device')
  await page.click('button[value=allow]')
  await page.waitForSelector('h1:has-text("Allowed")')
  const polled = await client.pollDeviceAuthorizationGrant(device, codes)
  check(polled.claims().sub === tokens.claims().sub, 'a device is let in')

  await page.goto(`${ISSUER}/oauth/logout`)
  await accessible(page, 'sign-out')
  await picture(page, 'sign-out')
  await page.click('button[type=submit]')
  await page.waitForSelector('h1:has-text("Signed out")')
  await picture(page, 'signed-out')
  await page.goBack()
  const cookies = await context.cookies(ISSUER)
  check(!cookies.some((cookie) => cookie.name === '__Host-session'), 'signed out of the browser')
  await client.refreshTokenGrant(config, fresh.refresh_token).then(
    () => check(false, 'the program is signed out'),
    (error) => check(error.error === 'invalid_grant', 'the program is signed out'),
  )
  unblocked()
} finally {
  await close()
}
