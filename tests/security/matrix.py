"""Who gets to which route: every route with a letter for everybody who may come.

How it came about: the letters of the first 133 lines were made from what the routes declare, then compared line by
line with `security.md`, and what differed there was changed in the routes. From then on a line is written by hand with
its route. So a test that is green says that nothing has moved since somebody looked; what to compare it with is the
table of `security.md`, not the code.

The people, in the order of the letters (`tests/security/cast.py` makes them):

- An nobody signed in, Gu the visitor who made the booking, Tr a traveller with bookings of their own, Ot another one,
  Di somebody disabled (an owner), Ap a program with the booking's token
- Cl clerk, Bo boarding agent, Ma manager, Ac accountant, Ow owner of the agency in the addresses; Fo owner of another
  one; Sc and So clerk and owner of a suspended one
- Su support, Fi finance, Ad admin; all of these have just given their second factor
- Cl, Ow, Ad again: C0 a clerk without a second factor, who needs none; O0 A0 have not set theirs up, O1 A1 have not
  given it yet, O2 A2 gave it eleven minutes ago

The letters: i let in, r sent to the sign-in page, u to the set-up of a second factor, s the second factor is asked for,
k a key is asked for (401), f forbidden (403), n not found (404), x not a form of ours (400: the program has no page).
A way in says nothing of what is inside: a form may still be wrong, a role too high to be given. HEAD is as GET.

`GET /login/second-factor` sends whoever has none to set up on. An unlisted route fails `test_matrix.py`: decide with
`security.md` section 1, and add a line.
"""

MATRIX = """
AGTODA CBMAOFSS SFA COOOAAA
nurtip looccooo uid l012012
iiiiii iiiiiiii iii iiiiiii  GET  /
rriirr iiiiiiii iii iusiusi  GET  /account
rriirr iiiiiiii iii iusiusi  GET  /account/
rriirr iiiiiiii iii iusiusi  GET  /account/<kind>
rriirx iiiiiiii iii iusiusi  POST /account/<kind>
rriirr iiiiiiii iii iusiusi  GET  /account/<kind>/check
rriirx iiiiiiii iii iusiusi  POST /account/<kind>/check
rriirr iiiiiiii iii iusiusi  GET  /account/data
rriirr iiiiiiii iii iusiusi  GET  /account/data.json
rriirr iiiiiiii iii iussuss  GET  /account/erase
rriirx iiiiiiii iii iussuss  POST /account/erase
rriirr iiiiiiii iii iusiusi  GET  /account/language
rriirx iiiiiiii iii iusiusi  POST /account/language
rriirr iiiiiiii iii iusiusi  GET  /account/password
rriirx iiiiiiii iii iusiusi  POST /account/password
rriirr iiiiiiii iii iisiisi  GET  /account/second-factor
rriirr iiiiiiii iii iississ  GET  /account/second-factor/app
rriirx iiiiiiii iii iississ  POST /account/second-factor/app
rrnnrr nnnnnnnn nnn nnssnss  GET  /account/second-factor/app/remove
rrnnrx nnnnnnnn nnn nnssnss  POST /account/second-factor/app/remove
rriirr iiiiiiii iii iississ  GET  /account/second-factor/codes
rrnnrx iiiiiiii iii nnssnss  POST /account/second-factor/codes
rriirr iiiiiiii iii iississ  GET  /account/second-factor/passkeys
rriirx iiiiiiii iii iississ  POST /account/second-factor/passkeys
rrnnrr iiiiiiii iii nnssnss  GET  /account/second-factor/passkeys/<passkey_id>/remove
rrnnrx iiiiiiii iii nnssnss  POST /account/second-factor/passkeys/<passkey_id>/remove
rriirx iiiiiiii iii iississ  POST /account/second-factor/passkeys/challenge
rriirr iiiiiiii iii iusiusi  GET  /account/sessions
rriirx iiiiiiii iii iusiusi  POST /account/sessions/<session_id>/end
rriirx iiiiiiii iii iusiusi  POST /account/sessions/end-all
rriirx iiiiiiii iii iusiusi  POST /account/sessions/end-others
rriirr iiiiiiii iii iusiusi  GET  /account/trips
rriirx ffffffff fff fusfusf  POST /account/trips/bring
rrnnrr nnnnnnnn iii nusnusi  GET  /admin/
rrnnrr nnnnnnnn iii nusnusi  GET  /admin/agencies
rrnnrr nnnnnnnn iii nusnusi  GET  /admin/agencies.csv
rrnnrr nnnnnnnn iii nusnusi  GET  /admin/agencies.xlsx
rrnnrr nnnnnnnn iii nusnusi  GET  /admin/agencies/<agency_id>
rrnnrx nnnnnnnn ffi nusnuss  POST /admin/agencies/<agency_id>/activate
rrnnrx nnnnnnnn ffi nusnuss  POST /admin/agencies/<agency_id>/commission
rrnnrr nnnnnnnn ffi nusnusi  GET  /admin/agencies/<agency_id>/legal
rrnnrx nnnnnnnn ffi nusnuss  POST /admin/agencies/<agency_id>/legal
rrnnrr nnnnnnnn fii nusnusi  GET  /admin/agencies/<agency_id>/payout-account
rrnnrx nnnnnnnn ffi nusnuss  POST /admin/agencies/<agency_id>/suspend
rrnnrr nnnnnnnn ifi nusnusi  GET  /admin/agencies/<agency_id>/team
rrnnrr nnnnnnnn ffi nusnusi  GET  /admin/agencies/<agency_id>/team/<member_id>
rrnnrx nnnnnnnn ffi nusnuss  POST /admin/agencies/<agency_id>/team/<member_id>/end
rrnnrx nnnnnnnn ffi nusnuss  POST /admin/agencies/<agency_id>/team/<member_id>/role
rrnnrx nnnnnnnn ffi nusnuss  POST /admin/agencies/<agency_id>/team/invitations
rrnnrx nnnnnnnn ffi nusnuss  POST /admin/agencies/<agency_id>/team/invitations/<invitation_id>/again
rrnnrx nnnnnnnn ffi nusnuss  POST /admin/agencies/<agency_id>/team/invitations/<invitation_id>/withdraw
rrnnrr nnnnnnnn iii nusnusi  GET  /admin/audit
rrnnrr nnnnnnnn iii nusnusi  GET  /admin/audit.csv
rrnnrr nnnnnnnn iii nusnusi  GET  /admin/audit.xlsx
rrnnrr nnnnnnnn iii nusnusi  GET  /admin/bookings
rrnnrx nnnnnnnn iii nusnusi  POST /admin/bookings
rrnnrr nnnnnnnn iii nusnusi  GET  /admin/bookings/<reference>
rrnnrx nnnnnnnn iff nusnusf  POST /admin/bookings/<reference>/read
rrnnrr nnnnnnnn iii nusnusi  GET  /admin/cases
rrnnrr nnnnnnnn fii nusnusi  GET  /admin/cases.csv
rrnnrr nnnnnnnn fii nusnusi  GET  /admin/cases.xlsx
rrnnrr nnnnnnnn iii nusnusi  GET  /admin/cases/<case_id>
rrnnrx nnnnnnnn fif nusnusf  POST /admin/cases/<case_id>/hand-over
rrnnrx nnnnnnnn fif nusnusf  POST /admin/cases/<case_id>/resolve
rrnnrx nnnnnnnn fif nusnusf  POST /admin/cases/<case_id>/take
rrnnrr nnnnnnnn iii nusnusi  GET  /admin/disputes
rrnnrr nnnnnnnn fii nusnusi  GET  /admin/disputes.csv
rrnnrr nnnnnnnn fii nusnusi  GET  /admin/disputes.xlsx
rrnnrr nnnnnnnn iii nusnusi  GET  /admin/disputes/<dispute_id>
rrnnrx nnnnnnnn fif nusnusf  POST /admin/disputes/<dispute_id>/lost
rrnnrx nnnnnnnn fif nusnusf  POST /admin/disputes/<dispute_id>/won
rrnnrr nnnnnnnn iii nusnusi  GET  /admin/events
rrnnrr nnnnnnnn iii nusnusi  GET  /admin/events/<event_id>
rrnnrx nnnnnnnn iff nusnusf  POST /admin/events/<event_id>/read
rrnnrr nnnnnnnn iii nusnusi  GET  /admin/ledger
rrnnrr nnnnnnnn fii nusnusi  GET  /admin/line-disputes
rrnnrr nnnnnnnn iii nusnusi  GET  /admin/payments
rrnnrr nnnnnnnn fii nusnusi  GET  /admin/payments.csv
rrnnrr nnnnnnnn fii nusnusi  GET  /admin/payments.xlsx
rrnnrr nnnnnnnn iii nusnusi  GET  /admin/payments/<payment_id>
rrnnrx nnnnnnnn iii nusnusi  POST /admin/payments/<payment_id>/ask
rrnnrx nnnnnnnn fif nusnusf  POST /admin/payments/<payment_id>/dispute
rrnnrx nnnnnnnn iii nusnusi  POST /admin/payments/<payment_id>/propose-refund
rrnnrr nnnnnnnn fii nusnusi  GET  /admin/payouts
rrnnrr nnnnnnnn fii nusnusi  GET  /admin/payouts.csv
rrnnrr nnnnnnnn fii nusnusi  GET  /admin/payouts.xlsx
rrnnrr nnnnnnnn fii nusnusi  GET  /admin/payouts/<payout_id>
rrnnrx nnnnnnnn fii nusnuss  POST /admin/payouts/<payout_id>/approve
rrnnrx nnnnnnnn fii nusnusi  POST /admin/payouts/<payout_id>/ask
rrnnrx nnnnnnnn fii nusnuss  POST /admin/payouts/<payout_id>/reject
rrnnrr nnnnnnnn iii nusnusi  GET  /admin/refunds
rrnnrr nnnnnnnn fii nusnusi  GET  /admin/refunds.csv
rrnnrr nnnnnnnn fii nusnusi  GET  /admin/refunds.xlsx
rrnnrr nnnnnnnn iii nusnusi  GET  /admin/refunds/<refund_id>
rrnnrx nnnnnnnn fii nusnuss  POST /admin/refunds/<refund_id>/approve
rrnnrx nnnnnnnn fii nusnuss  POST /admin/refunds/<refund_id>/paid
rrnnrx nnnnnnnn fii nusnuss  POST /admin/refunds/<refund_id>/retry
rrnnrx nnnnnnnn fif nusnusf  POST /admin/refunds/<refund_id>/withdraw
rrnnrx nnnnnnnn fii nusnuss  POST /admin/refunds/proposals/<proposal_id>/approve
rrnnrx nnnnnnnn fii nusnuss  POST /admin/refunds/proposals/<proposal_id>/decline
rrnnrx nnnnnnnn iii nusnusi  POST /admin/refunds/proposals/<proposal_id>/withdraw
rrnnrr nnnnnnnn iii nusnusi  GET  /admin/doctor
rrnnrr nnnnnnnn iii nusnusi  GET  /admin/holidays
rrnnrx nnnnnnnn ffi nusnusi  POST /admin/holidays
rrnnrr nnnnnnnn ffi nusnusi  GET  /admin/holidays/<holiday_id>
rrnnrx nnnnnnnn ffi nusnusi  POST /admin/holidays/<holiday_id>
rrnnrx nnnnnnnn ffi nusnusi  POST /admin/holidays/<holiday_id>/remove
rrnnrx nnnnnnnn ffi nusnusi  POST /admin/holidays/known
rrnnrr nnnnnnnn iii nusnusi  GET  /admin/jobs
rrnnrr nnnnnnnn iii nusnusi  GET  /admin/jobs/<job>
rrnnrx nnnnnnnn iii nusnusi  POST /admin/jobs/<job>/retry
rrnnrx nnnnnnnn ffi nusnusi  POST /admin/jobs/<job>/run
rrnnrr nnnnnnnn iii nusnusi  GET  /admin/outbox
rrnnrr nnnnnnnn iii nusnusi  GET  /admin/outbox.csv
rrnnrr nnnnnnnn iii nusnusi  GET  /admin/outbox.xlsx
rrnnrr nnnnnnnn iii nusnusi  GET  /admin/outbox/<row_id>
rrnnrx nnnnnnnn ffi nusnusi  POST /admin/outbox/<row_id>/dismiss
rrnnrx nnnnnnnn iii nusnusi  POST /admin/outbox/<row_id>/retry
rrnnrr nnnnnnnn fii nusnusi  GET  /admin/settlements
rrnnrr nnnnnnnn fii nusnusi  GET  /admin/settlements/<settlement_id>
rrnnrr nnnnnnnn fii nusnusi  GET  /admin/settlements/<settlement_id>.csv
rrnnrr nnnnnnnn fii nusnusi  GET  /admin/settlements/<settlement_id>.pdf
rrnnrr nnnnnnnn fii nusnusi  GET  /admin/settlements/<settlement_id>.xlsx
rrnnrx nnnnnnnn fif nusnusf  POST /admin/settlements/<settlement_id>/close
rrnnrr nnnnnnnn fii nusnusi  GET  /admin/settlements/<settlement_id>/lines/<entry_id>
rrnnrx nnnnnnnn fif nusnusf  POST /admin/settlements/<settlement_id>/lines/<entry_id>/accept
rrnnrx nnnnnnnn fif nusnusf  POST /admin/settlements/<settlement_id>/lines/<entry_id>/refuse
rrnnrr nnnnnnnn fii nusnusi  GET  /admin/settlements/<settlement_id>/payouts
rrnnrx nnnnnnnn fif nusnusf  POST /admin/settlements/<settlement_id>/payouts
rrnnrr nnnnnnnn fii nusnusi  GET  /admin/settlements/<settlement_id>/trips
rrnnrr nnnnnnnn iii nusnusi  GET  /admin/templates
rrnnrr nnnnnnnn iii nusnusi  GET  /admin/templates/<channel>/<message>
rrnnrx nnnnnnnn ffi nusnuss  POST /admin/templates/<channel>/<message>
rrnnrx nnnnnnnn ffi nusnuss  POST /admin/templates/<channel>/<message>/back
rrnnrx nnnnnnnn ffi nusnusi  POST /admin/templates/<channel>/<message>/preview
rrnnrr nnnnnnnn ifi nusnusi  GET  /admin/users
rrnnrx nnnnnnnn ifi nusnusi  POST /admin/users
rrnnrr nnnnnnnn ifi nusnusi  GET  /admin/users/<user_id>
rrnnrx nnnnnnnn ifi nusnuss  POST /admin/users/<user_id>/disable
rrnnrx nnnnnnnn ifi nusnuss  POST /admin/users/<user_id>/enable
rrnnrx nnnnnnnn ifi nusnusi  POST /admin/users/<user_id>/read
rrnnrx nnnnnnnn ffi nusnuss  POST /admin/users/<user_id>/role
rrnnrx nnnnnnnn ffi nusnuss  POST /admin/users/<user_id>/second-factor/reset
rrnnrx nnnnnnnn ifi nusnuss  POST /admin/users/<user_id>/sessions/end
rrnnrr iiiiiiii nnn iusiusn  GET  /agency/
rrnnrr ffffiifi nnn fusiusn  GET  /agency/audit
rrnnrr ifiiiiii nnn iusiusn  GET  /agency/bookings
rrnnrr ifiiinnn nnn iusiusn  GET  /agency/bookings/<reference>
rrnnrr ffifinfn nnn fusiusn  GET  /agency/bookings/<reference>/cancel
rrnnrx ffifinfn nnn fusiusn  POST /agency/bookings/<reference>/cancel
rrnnrr ffifinfn nnn fusiusn  GET  /agency/bookings/<reference>/passengers/<passenger_id>
rrnnrx ffifinfn nnn fusiusn  POST /agency/bookings/<reference>/passengers/<passenger_id>/name
rrnnrx ffifinfn nnn fusiusn  POST /agency/bookings/<reference>/passengers/<passenger_id>/name/back
rrnnrx ffifinfn nnn fusiusn  POST /agency/bookings/<reference>/passengers/<passenger_id>/seat
rrnnrx ffifinfn nnn fusiusn  POST /agency/bookings/<reference>/refund
rrnnrx ififinnn nnn iusiusn  POST /agency/bookings/<reference>/resend
rrnnrr fffiiifi nnn fusiusn  GET  /agency/bookings.csv
rrnnrr fffiiifi nnn fusiusn  GET  /agency/bookings.xlsx
rrnnrr iiiiiiii nnn iusiusn  GET  /agency/departures
rrnnrr fffiiifi nnn fusiusn  GET  /agency/departures.csv
rrnnrr fffiiifi nnn fusiusn  GET  /agency/departures.xlsx
rrnnrr fffiiifi nnn fusiusn  GET  /agency/payout-account
rrnnrx ffffiifi nnn fussusn  POST /agency/payout-account
rrnnrx ffffiifi nnn fussusn  POST /agency/payout-account/withdraw
rrnnrr ffiiiifi nnn fusiusn  GET  /agency/reports
rrnnrr fffiiifi nnn fusiusn  GET  /agency/reports.csv
rrnnrr fffiiifi nnn fusiusn  GET  /agency/reports.xlsx
rrnnrr fffiiifi nnn fusiusn  GET  /agency/settlements
rrnnrr fffiinfn nnn fusiusn  GET  /agency/settlements/<settlement_id>
rrnnrr fffiinfn nnn fusiusn  GET  /agency/settlements/<settlement_id>.csv
rrnnrr fffiinfn nnn fusiusn  GET  /agency/settlements/<settlement_id>.pdf
rrnnrr fffiinfn nnn fusiusn  GET  /agency/settlements/<settlement_id>.xlsx
rrnnrr fffiinfn nnn fusiusn  GET  /agency/settlements/<settlement_id>/lines/<entry_id>
rrnnrx fffiinfn nnn fusiusn  POST /agency/settlements/<settlement_id>/lines/<entry_id>/dispute
rrnnrx fffiinfn nnn fusiusn  POST /agency/settlements/<settlement_id>/lines/<entry_id>/withdraw
rrnnrr fffiinfn nnn fusiusn  GET  /agency/settlements/<settlement_id>/trips
rrnnrr ffifiifi nnn fusiusn  GET  /agency/team
rrnnrr ffffinfn nnn fusiusn  GET  /agency/team/<member_id>
rrnnrx ffffinfn nnn fussusn  POST /agency/team/<member_id>/end
rrnnrx ffffinfn nnn fussusn  POST /agency/team/<member_id>/role
rrnnrx ffffinfn nnn fussusn  POST /agency/team/<member_id>/second-factor/reset
rrnnrx ffffinfn nnn fusiusn  POST /agency/team/<member_id>/sessions/end
rrnnrx ffffiifi nnn fussusn  POST /agency/team/invitations
rrnnrx ffffinfn nnn fussusn  POST /agency/team/invitations/<invitation_id>/again
rrnnrx ffffinfn nnn fussusn  POST /agency/team/invitations/<invitation_id>/withdraw
kkkkki kkkkkkkk kkk kkkkkkk  GET  /api/bookings/<reference>
kkkkki kkkkkkkk kkk kkkkkkk  POST /api/bookings/<reference>/cancel
kkkkki kkkkkkkk kkk kkkkkkk  POST /api/bookings/<reference>/extend
kkkkki kkkkkkkk kkk kkkkkkk  POST /api/bookings/<reference>/release
iiiiii iiiiiiii iii iiiiiii  POST /api/bookings/reserve
iiiiii iiiiiiii iii iiiiiii  GET  /api/health
kkkkkk kkkkkkkk kkk kkkkkkk  POST /api/jobs/<job>
iiiiii iiiiiiii iii iiiiiii  GET  /api/openapi.json
kkkkki kkkkkkkk kkk kkkkkkk  POST /api/payments
kkkkki kkkkkkkk kkk kkkkkkk  GET  /api/payments/<tx_ref>
kkkkkk kkkkkkkk kkk kkkkkkk  POST /api/payments/webhook/flutterwave
kkkkkk kkkkkkkk kkk kkkkkkk  POST /api/payments/webhook/stripe
iiiiii iiiiiiii iii iiiiiii  GET  /api/stops
iiiiii iiiiiiii iii iiiiiii  GET  /api/trips
iiiiii iiiiiiii iii iiiiiii  GET  /api/trips/<trip_id>/seats
niinnn nnnnnnnn nnn nnnnnnn  GET  /bookings/<reference>
niinnn nnnnnnnn nnn nnnnnnn  GET  /bookings/<reference>/calendar.ics
niinnn nnnnnnnn nnn nnnnnnn  GET  /bookings/<reference>/cancel
niinnx nnnnnnnn nnn nnnnnnn  POST /bookings/<reference>/cancel
niinnn nnnnnnnn nnn nnnnnnn  GET  /bookings/<reference>/checkout
niinnx nnnnnnnn nnn nnnnnnn  POST /bookings/<reference>/checkout
niinnx nnnnnnnn nnn nnnnnnn  POST /bookings/<reference>/extend
niinnx nnnnnnnn nnn nnnnnnn  POST /bookings/<reference>/release
iiiiii iiiiiiii iii iiiiiii  GET  /find
iiiiix iiiiiiii iii iiiiiii  POST /find
iiiiii iiiiiiii iii iiiiiii  GET  /healthz
iiiiii iiiiiiii iii iiiiiii  GET  /login
iiiiix iiiiiiii iii iiiiiii  POST /login
iiiiii iiiiiiii iii iiiiiii  GET  /login/code
iiiiix iiiiiiii iii iiiiiii  POST /login/code
iiiiii iiiiiiii iii iiiiiii  GET  /login/code/check
iiiiix iiiiiiii iii iiiiiii  POST /login/code/check
iiiiii iiiiiiii iii iiiiiii  GET  /login/invitation/<secret>
iiiiix iiiiiiii iii iiiiiii  POST /login/invitation/<secret>
iiiiii iiiiiiii iii iiiiiii  GET  /login/reset
iiiiix iiiiiiii iii iiiiiii  POST /login/reset
iiiiii iiiiiiii iii iiiiiii  GET  /login/reset/<secret>
iiiiix iiiiiiii iii iiiiiii  POST /login/reset/<secret>
rruurr iiiiiiii iii uuiiuii  GET  /login/second-factor
rriirx iiiiiiii iii iiiiiii  POST /login/second-factor
rriirx iiiiiiii iii iiiiiii  POST /login/second-factor/passkey
iiiiix iiiiiiii iii iiiiiii  POST /logout
nnnnnn nnnnnnnn nnn nnnnnnn  GET  /metrics
iiiiii iiiiiiii iii iiiiiii  GET  /payments/flutterwave/return
iiiiii iiiiiiii iii iiiiiii  GET  /payments/stripe/return
iiiiii iiiiiiii iii iiiiiii  GET  /privacy
iiiiii iiiiiiii iii iiiiiii  GET  /register
iiiiix iiiiiiii iii iiiiiii  POST /register
iiiiii iiiiiiii iii iiiiiii  GET  /register/check
iiiiix iiiiiiii iii iiiiiii  POST /register/check
iiiiii iiiiiiii iii iiiiiii  GET  /static/<name>
iiiiii iiiiiiii iii iiiiiii  GET  /styleguide/
iiiiii iiiiiiii iii iiiiiii  GET  /styleguide/home
iiiiii iiiiiiii iii iiiiiii  GET  /styleguide/seats/<layout>/<passengers>
iiiiii iiiiiiii iii iiiiiii  GET  /t/<token>
iiiiii iiiiiiii iii iiiiiii  GET  /trips
iiiiii iiiiiiii iii iiiiiii  GET  /trips/<trip_id>/seats
iiiiix iiiiiiii iii iiiiiii  POST /trips/<trip_id>/seats
"""
