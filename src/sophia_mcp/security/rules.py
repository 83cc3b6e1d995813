"""What does each kind of secret look like?

One record per kind. Patterns are RE2 (linear time) over Latin-1 bytes, so that a span is a range of
bytes. The group named ``s`` is what gets masked; without it the whole match is. Forms follow the
vendors' own documentation of their tokens' prefixes, lengths and alphabets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Check = Literal["none", "varied", "random", "password"]
"""What the masked part must also be: ``varied`` is not one repeated character or a placeholder,
``random`` looks drawn at random, ``password`` looks chosen as a password."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of secret.

    ``hint`` is a short pattern that is found wherever ``pattern`` matches; all hints together are one
    automaton, so they repeat without counting, and none begins with a line: that would double its states.
    ``check`` says what a match must also satisfy. ``block``: every match holds this text, and may be of any
    number of lines; one of a rule without it reaches over ``REACH`` lines at most that are not blank.
    """

    kind: str
    hint: str
    pattern: str
    check: Check = "varied"
    block: str = ""


REACH = 5
"""How many lines that are not blank a secret takes beyond its first, with what tells it, where it is no block."""


_HEX32 = r"[0-9a-fA-F]{32}"
_UUID = r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
# Between a name and its value: closing quote or bracket, an annotation, an operator, an opening quote.
_GIVES = r"""[\w.\-]{0,20}\\?["'`\])}]{0,2}\s{0,4}(?::\s?[&'A-Za-z][\w<>& ']{0,16}=|string\s{0,3}=|[:=]=?>?|=>|,|\()\s{0,4}[(\[]?\s{0,2}[bruf@$]{0,2}\\?["'`]?"""


def _near(words: str, value: str) -> str:
    """A value without a mark of its own, told by the name it is given to."""
    return rf"(?i:{words}){_GIVES}(?P<s>{value})(?:[^A-Za-z0-9]|\z)"


RULES: tuple[Rule, ...] = (
    # Keys in blocks of text: the armour is part of the secret, and the end may be cut off.
    Rule(
        "private_key",
        r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY",
        r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----(?P<s>(?:[\s\\\"'+,;`#*/>|.-]|\\[nrt]|(?:Proc-Type|DEK-Info|Version|Comment|Charset|Hash): ?[^\n]{0,80})*[A-Za-z0-9+/=]{16}[A-Za-z0-9+/=\s\\\"'+,;`#*>|()-]*?(?:-----END (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----|[^A-Za-z0-9+/=\s\\\"'+,;`#*>|()-]|\z))",
        "none",
        "PRIVATE KEY",
    ),
    Rule(
        "private_key",
        r"-----END [A-Z0-9 ]*PRIVATE KEY",
        r"(?:[A-Za-z0-9+/=]{16,76}\s+){1,}-----END (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----",
        "none",
        "PRIVATE KEY",
    ),
    Rule(
        "putty_key",
        r"Private-Lines:",
        r"Private-Lines: \d+\s+(?P<s>(?:[A-Za-z0-9+/=]{16,}\s?)+)",
        "none",
        "Private-Lines:",
    ),
    Rule("age_key", r"AGE-SECRET-KEY-1", r"\bAGE-SECRET-KEY-1[0-9A-Z]{58}\b"),
    Rule(
        "wireguard_key",
        r"(?i:privatekey|private_key|presharedkey|preshared_key)\s*=",
        r"(?i:private_?key|preshared_?key)\s*=\s*[\"']?(?P<s>[A-Za-z0-9+/]{42,43}=)",
    ),
    # Clouds.
    Rule(
        "aws_access_key",
        r"\b(?:AKIA|ASIA|ABIA|ACCA|A3T)[A-Z2-7]",
        r"\b(?:AKIA|ASIA|ABIA|ACCA|A3T[A-Z0-9])[A-Z2-7]{16}\b",
        "none",
    ),
    Rule(
        "aws_secret_key",
        r"(?i:aws\w*(?:secret|key)|secret_?access_?key)",
        _near(r"aws_?\w{0,20}(?:secret|key)\w{0,12}|secret_?access_?key", r"[A-Za-z0-9/+]{40}"),
        "random",
    ),
    Rule(
        "aws_session_token",
        r"(?i:session_?token)",
        _near(r"(?:aws_?)?session_?token", r"[A-Za-z0-9/+=]{80,}"),
        "random",
    ),
    Rule("aws_mws_key", r"amzn\.mws\.", rf"\bamzn\.mws\.{_UUID}"),
    Rule("google_api_key", r"AIza", r"\bAIza[0-9A-Za-z_\-]{35}"),
    Rule("google_oauth_secret", r"GOCSPX-", r"\bGOCSPX-[0-9A-Za-z_\-]{28}"),
    Rule("google_oauth_token", r"ya29\.", r"\bya29\.[0-9A-Za-z_\-]{20,}"),
    Rule("google_refresh_token", r"1//0", r"\b1//0[0-9A-Za-z_\-]{38,}"),
    Rule(
        "google_key_id",
        r"private_key_id",
        r"private_key_id\\?[\"']?\s*[:=]\s*\\?[\"'](?P<s>[0-9a-f]{40})",
    ),
    Rule("firebase_server_key", r"APA91b", r"\bAAAA[A-Za-z0-9_\-]{7}:APA91b[A-Za-z0-9_\-]{100,}"),
    Rule(
        "azure_storage_key",
        r"(?i:account_?key|storage_?key|access_?key|primary_?key)",
        _near(
            r"account_?key|storage_?key|shared_?access_?key|primary_?key", r"[A-Za-z0-9+/]{43,86}={1,2}"
        ),
    ),
    Rule(
        "azure_client_secret",
        r"[0-9]Q~",
        r"(?:^|[^0-9A-Za-z_~.\-])(?P<s>[0-9A-Za-z_~.]{3}[0-9]Q~[0-9A-Za-z_~.\-]{31,34})",
    ),
    Rule("azure_sas", r"[?&;]sig=", r"[?&](?:amp;)?sig=(?P<s>[A-Za-z0-9%+/]{40,}(?:%3[Dd]|=))"),
    Rule("azure_devops_token", r"JQQJ99", r"\b[A-Za-z0-9]{52}JQQJ99[A-Za-z0-9]{18}AZDO[A-Za-z0-9]{4}\b"),
    Rule("digitalocean_token", r"do[opr]_v1_", r"\bdo[opr]_v1_[0-9a-f]{64}\b"),
    Rule(
        "heroku_key", r"(?i:heroku)|HRKU-", rf"\bHRKU-[0-9A-Za-z_\-]{{36,}}|(?i:heroku){_GIVES}{_UUID}"
    ),
    Rule(
        "cloudflare_key",
        r"(?i:cloudflare|cf_?api)",
        _near(r"cloudflare|\bcf_?api", r"[0-9A-Za-z_\-]{40}|[0-9a-f]{37}"),
        "random",
    ),
    Rule("cloudflare_origin_key", r"v1\.0-", r"\bv1\.0-[0-9a-f]{24}-[0-9a-f]{146}\b"),
    Rule("alibaba_access_key", r"\bLTAI", r"\bLTAI[0-9A-Za-z]{12,20}\b"),
    Rule(
        "ibm_cloud_key",
        r"(?i:ibm\w*key)",
        _near(r"ibm_?(?:cloud)?_?\w{0,10}key", r"[0-9A-Za-z_\-]{44}"),
        "random",
    ),
    Rule(
        "flyio_token",
        r"\b(?:fo1|fm[12][ar]?)_",
        r"\b(?:fo1_[0-9A-Za-z_\-]{43}|fm[12][ar]?_[0-9A-Za-z+/=]{100,})",
    ),
    Rule("netlify_token", r"nfp_", r"\bnfp_[0-9A-Za-z]{36,}\b"),
    Rule(
        "vercel_token",
        r"(?i:vercel)|\bvc[a-z]_",
        rf"\bvc[a-z]_[0-9A-Za-z]{{24,}}\b|{_near('vercel', '[0-9A-Za-z]{24}')}",
        "random",
    ),
    Rule("terraform_token", r"atlasv1", r"\b[0-9A-Za-z]{14}\.atlasv1\.[0-9A-Za-z_\-=]{60,70}"),
    Rule(
        "vault_token",
        r"\b(?:hv[sbr]|s)\.[0-9A-Za-z_\-]{24}",
        r"\b(?:hv[sbr]\.[0-9A-Za-z_\-]{24,}|s\.[0-9A-Za-z]{24}\b)",
        "random",
    ),
    Rule(
        "doppler_token",
        r"\bdp\.(?:pt|st|ct|sa|scim|audit)\.",
        r"\bdp\.(?:pt|st|ct|sa|scim|audit)\.(?:[a-z0-9_\-]{2,35}\.)?[0-9A-Za-z]{40,44}\b",
    ),
    Rule("pulumi_token", r"\bpul-", r"\bpul-[0-9a-f]{40}\b"),
    Rule("scalingo_token", r"tk-us-", r"\btk-us-[0-9A-Za-z_\-]{48}"),
    # Code hosts and registries.
    Rule("github_token", r"\bgh[pousr]_", r"\bgh[pousr]_[0-9A-Za-z]{36,255}\b"),
    Rule(
        "github_fine_token",
        r"github_pat_",
        r"\bgithub_pat_[0-9A-Za-z]{22}_[0-9A-Za-z]{59}\b|\bgithub_pat_[0-9A-Za-z_]{36,}",
    ),
    Rule(
        "gitlab_token",
        r"\bgl[a-z]+-|GR1348941",
        r"\b(?:glpat|gldt|glrt|glptt|glcbt|glsoat|glft|glimt|glagent|gloas|glffct)-[0-9A-Za-z_\-]{20,}|\bGR1348941[0-9A-Za-z_\-]{20}",
    ),
    Rule("bitbucket_token", r"ATBB|ATCTT3", r"\b(?:ATBB|ATCTT3)[0-9A-Za-z_\-=]{24,}"),
    Rule("atlassian_token", r"ATATT3", r"\bATATT3[0-9A-Za-z_\-=]{50,}"),
    Rule(
        "npm_token",
        r"npm_|:_(?:authToken|auth|password)",
        r"\bnpm_[0-9A-Za-z]{36}\b|:_(?:authToken|auth|password)\s*=\s*(?P<s>[^\s$\"']{16,})",
    ),
    Rule("pypi_token", r"pypi-", r"\bpypi-[0-9A-Za-z_\-]{50,}"),
    Rule("rubygems_key", r"rubygems_", r"\brubygems_[0-9a-f]{48}\b"),
    Rule("nuget_key", r"\boy2", r"\boy2[a-z0-9]{43}\b"),
    Rule("crates_token", r"\bcio", r"\bcio[0-9A-Za-z]{32}\b"),
    Rule("clojars_token", r"CLOJARS_", r"\bCLOJARS_[0-9a-z]{60}\b"),
    Rule("docker_token", r"dckr_", r"\bdckr_(?:pat|oat)_[0-9A-Za-z_\-]{27,}"),
    Rule(
        "docker_auth", r""""auth"\s*:""", r"\"auth\"\s*:\s*\"(?P<s>[A-Za-z0-9+/]{16,}={0,2})\"", "random"
    ),
    Rule(
        "artifactory_key", r"\bAKC[a-zA-Z0-9]|cmVmd", r"\bAKC[a-zA-Z0-9]{60,}\b|\bcmVmd[A-Za-z0-9]{59}\b"
    ),
    # Messages.
    Rule("slack_token", r"\bxox[abeoprsc]", r"\bxox[abeoprsc](?:-\d)?[.-][0-9A-Za-z-]{10,}"),
    Rule("slack_app_token", r"xapp-", r"\bxapp-\d-[0-9A-Za-z]+-\d+-[0-9A-Za-z]+"),
    Rule(
        "slack_webhook",
        r"hooks\.slack\.com/",
        r"hooks\.slack\.com/(?:services|workflows|triggers)/(?P<s>[0-9A-Za-z+/]{30,})",
    ),
    Rule(
        "discord_token",
        r"\b[MNO][A-Za-z\d_-]+\.[A-Za-z\d_-]+\.",
        r"\b[MNO][A-Za-z\d_-]{23,25}\.[A-Za-z\d_-]{6}\.[A-Za-z\d_-]{27,38}\b",
        "random",
    ),
    Rule(
        "discord_webhook",
        r"api/webhooks/",
        r"discord(?:app)?\.com/api/webhooks/(?P<s>\d{17,20}/[0-9A-Za-z_\-]{60,})",
    ),
    Rule(
        "teams_webhook",
        r"webhookb2/",
        rf"webhook\.office\.com/webhookb2/(?P<s>{_UUID}@{_UUID}/IncomingWebhook/[0-9A-Za-z]+/{_UUID})",
    ),
    Rule("telegram_token", r"\d:AA", r"\b\d{8,10}:AA[0-9A-Za-z_\-]{33}"),
    Rule("twilio_key", r"\b(?:SK|AC)[0-9a-f][0-9a-f][0-9a-f]", r"\b(?:SK|AC)[0-9a-f]{32}\b"),
    Rule(
        "twilio_token",
        r"(?i:twilio|auth_?token)",
        _near(r"twilio\w{0,16}|auth_?token", _HEX32),
        "random",
    ),
    Rule("sendgrid_key", r"\bSG\.", r"\bSG\.[0-9A-Za-z_\-]{16,32}\.[0-9A-Za-z_\-]{16,64}"),
    Rule(
        "mailgun_key",
        r"\bkey-[0-9a-f]|[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}",
        r"\b(?:key-[0-9a-f]{32}|[0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{8})\b",
    ),
    Rule("mailchimp_key", r"[0-9a-f]-us\d", r"\b[0-9a-f]{32}-us\d{1,2}\b"),
    Rule(
        "sendinblue_key",
        r"x(?:keysib|smtpsib)-",
        r"\bx(?:keysib|smtpsib)-[0-9a-f]{64}-[0-9A-Za-z]{16}\b",
    ),
    Rule("postmark_token", r"(?i:postmark)", _near(r"postmark\w{0,16}", _UUID)),
    Rule(
        "zoom_or_vonage_secret",
        r"(?i:(?:nexmo|vonage|zoom)[0-9A-Za-z_]*(?:secret|key))",
        _near(r"(?:nexmo|vonage|zoom)\w{0,16}(?:secret|key)", r"[0-9A-Za-z]{16,32}"),
        "random",
    ),
    # Payment.
    Rule(
        "stripe_key",
        r"\b[sr]k_(?:live|test|prod)_",
        r"\b(?:sk|rk)_(?:live|test|prod)_[0-9A-Za-z]{16,247}\b",
    ),
    Rule("stripe_webhook_secret", r"whsec_", r"\bwhsec_[0-9A-Za-z+/=]{24,}"),
    Rule(
        "square_token",
        r"\bsq0|EAAA",
        r"\b(?:sq0(?:atp|csp|idp)-[0-9A-Za-z_\-]{22,43}|EAAA[El][0-9A-Za-z_\-]{58,60})",
    ),
    Rule(
        "braintree_token",
        r"access_token\$",
        r"\baccess_token\$(?:production|sandbox)\$[0-9a-z]{16}\$[0-9a-f]{32}\b",
    ),
    Rule("shopify_token", r"\bshp(?:at|ca|pa|ss)_", r"\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}\b"),
    Rule(
        "plaid_token",
        r"access-(?:sandbox|development|production)-",
        rf"\baccess-(?:sandbox|development|production)-{_UUID}",
    ),
    Rule("flutterwave_key", r"FLWSECK", r"\bFLWSECK(?:_TEST)?-[0-9a-zA-Z]{12,64}(?:-X)?\b"),
    Rule("razorpay_key", r"rzp_", r"\brzp_(?:live|test)_[0-9A-Za-z]{14,}\b"),
    # Models.
    Rule("anthropic_key", r"sk-ant-", r"\bsk-ant-(?:[a-z]{2,10}\d{2}-)?[0-9A-Za-z_\-]{24,}"),
    Rule("openrouter_key", r"sk-or-v1-", r"\bsk-or-v1-[0-9a-f]{64}\b"),
    Rule(
        "openai_key",
        r"\bsk-[0-9A-Za-z]",
        r"\bsk-(?:proj|svcacct|admin|None)-[0-9A-Za-z_\-]{20,}|\bsk-[0-9A-Za-z]{20,}\b",
        "random",
    ),
    Rule("huggingface_token", r"\b(?:hf|api_org)_[0-9A-Za-z]", r"\b(?:hf|api_org)_[0-9A-Za-z]{34,}\b"),
    Rule("replicate_token", r"\br8_", r"\br8_[0-9A-Za-z]{37}\b"),
    Rule("groq_key", r"gsk_", r"\bgsk_[0-9A-Za-z]{48,56}\b"),
    Rule("perplexity_key", r"pplx-", r"\bpplx-[0-9A-Za-z]{32,56}\b"),
    Rule("xai_key", r"\bxai-", r"\bxai-[0-9A-Za-z]{70,90}\b"),
    Rule("fireworks_key", r"\bfw_", r"\bfw_[0-9A-Za-z]{22,26}\b", "random"),
    Rule("tavily_key", r"tvly-", r"\btvly-(?:dev-|prod-)?[0-9A-Za-z_\-]{24,}", "random"),
    Rule("langsmith_key", r"lsv2_", r"\blsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}\b"),
    Rule("pinecone_key", r"pcsk_", r"\bpcsk_[0-9A-Za-z]{5,8}_[0-9A-Za-z]{50,}\b"),
    Rule("nvidia_key", r"nvapi-", r"\bnvapi-[0-9A-Za-z_\-]{60,70}"),
    # Observation.
    Rule(
        "datadog_key",
        r"(?i:datadog|dd_?(?:api|app))",
        _near(r"(?:datadog|dd)_?(?:api|app|application)_?key", r"[0-9a-f]{40}|[0-9a-f]{32}"),
        "random",
    ),
    Rule(
        "newrelic_key",
        r"NR(?:AK|II|IQ|RA|JS)-|NRAL\b",
        r"\bNR(?:AK|II|IQ|RA|JS)-[0-9A-Za-z_\-]{19,42}|\b[0-9a-f]{36}NRAL\b",
    ),
    Rule(
        "grafana_token",
        r"\bgl(?:sa|c)_|eyJrIjoi",
        r"\bgl(?:sa|c)_[0-9A-Za-z+/=_]{32,}|\beyJrIjoi[0-9A-Za-z+/]{60,}={0,2}",
    ),
    Rule(
        "sentry_token",
        r"sntry[su]_|https?://[0-9a-f]+:",
        r"\bsntry[su]_[0-9A-Za-z+/=_]{40,}|https?://[0-9a-f]{32}:(?P<s>[0-9a-f]{32})@",
    ),
    Rule("dynatrace_token", r"\bdt0[a-z]", r"\bdt0[a-z]\d{2}\.[A-Z0-9]{24}\.[A-Z0-9]{64}\b"),
    Rule("honeycomb_key", r"\bhc[abcdefgx][a-z][a-z]_", r"\bhc[abcdefgx][a-z]{2}_[0-9a-z]{58}\b"),
    Rule(
        "pagerduty_key",
        r"(?i:pagerduty|pd_?api)",
        _near(r"pagerduty\w{0,16}|pd_?api_?key", r"[0-9A-Za-z_+\-]{20}|[0-9a-f]{32}"),
        "random",
    ),
    # Data and work.
    Rule("databricks_token", r"\bdapi[0-9a-f]", r"\bdapi[0-9a-f]{32}(?:-\d)?\b"),
    Rule("planetscale_token", r"pscale_", r"\bpscale_(?:tkn|pw|oauth)_[0-9A-Za-z_\-.=]{32,}"),
    Rule("supabase_key", r"sb(?:p_|_secret_)", r"\bsb(?:p_[0-9a-f]{40}|_secret_[0-9A-Za-z_\-]{20,})"),
    Rule("algolia_key", r"(?i:algolia)", _near(r"algolia\w{0,20}", _HEX32), "random"),
    Rule("linear_key", r"lin_(?:api|oauth)_", r"\blin_(?:api|oauth)_[0-9A-Za-z]{32,64}\b"),
    Rule(
        "notion_token",
        r"\b(?:ntn|secret)_[0-9A-Za-z]",
        r"\bntn_[0-9A-Za-z]{40,}\b|\bsecret_[0-9A-Za-z]{43}\b",
    ),
    Rule(
        "airtable_token",
        r"\bpat[0-9A-Za-z]+\.[0-9a-f][0-9a-f][0-9a-f][0-9a-f]",
        r"\bpat[0-9A-Za-z]{14}\.[0-9a-f]{64}\b",
    ),
    Rule("asana_token", r"\b[12]/\d\d\d\d\d\d\d\d", r"\b[12]/\d{15,17}(?:/\d{15,17})?:[0-9a-f]{32}\b"),
    Rule("figma_token", r"\bfig(?:d|o|ur|uh)_", r"\bfig(?:d|o|ur|uh)_[0-9A-Za-z_\-]{36,}"),
    Rule("postman_key", r"PMAK-", r"\bPMAK-[0-9a-f]{24}-[0-9a-f]{34}\b"),
    Rule("dropbox_token", r"\bsl\.", r"\bsl\.(?:u\.)?[0-9A-Za-z_\-]{100,}"),
    Rule("hubspot_token", r"\bpat-(?:na|eu)", rf"\bpat-(?:na|eu)\d-{_UUID}"),
    Rule("salesforce_token", r"00D[0-9A-Za-z]+!", r"\b00D[0-9A-Za-z]{12,15}![0-9A-Za-z._]{80,120}"),
    Rule(
        "facebook_token",
        r"\bEAA[A-Z]|\d\|[0-9A-Za-z_\-]",
        r"\bEAA[A-Z][0-9A-Za-z]{60,}\b|\b\d{15,16}\|[0-9A-Za-z_\-]{27}\b",
        "random",
    ),
    Rule("twitter_token", r"AAAAAAAAAAAAAAAAAAAA", r"\bA{20,}[0-9A-Za-z%]{60,}"),
    Rule("instagram_token", r"\bIG(?:QV|AA)", r"\bIG(?:QV|AA)[0-9A-Za-z_\-]{60,}"),
    Rule("mapbox_token", r"sk\.eyJ", r"\bsk\.eyJ[0-9A-Za-z_\-]{20,}\.[0-9A-Za-z_\-]{20,}"),
    Rule("typeform_token", r"tfp_", r"\btfp_[0-9A-Za-z_\-.=]{40,}"),
    Rule("contentful_token", r"CFPAT-", r"\bCFPAT-[0-9A-Za-z_\-]{43}"),
    Rule("launchdarkly_key", r"\b(?:sdk|api|mob)-[0-9a-fA-F]", rf"\b(?:sdk|api|mob)-{_UUID}"),
    Rule("tailscale_key", r"tskey-", r"\btskey-(?:[a-z]+-)?[0-9A-Za-z]{8,}(?:-[0-9A-Za-z]{16,})?"),
    Rule(
        "onepassword_token",
        r"ops_eyJ|\bA3-[A-Z0-9]",
        r"\bops_eyJ[0-9A-Za-z_\-+/=]{100,}|\bA3-[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})(?:-[A-Z0-9]{5}){3}\b",
    ),
    Rule(
        "ethereum_key",
        r"(?i:private_?key|eth[0-9A-Za-z_]*key|wallet[0-9A-Za-z_]*key|mnemonic_?key)",
        _near(r"private_?key|eth\w{0,12}key|wallet\w{0,8}key|mnemonic_?key", r"(?:0x)?[0-9a-fA-F]{64}"),
        "random",
    ),
    Rule("totp_secret", r"otpauth://", r"otpauth://[^\s\"'<>]*?secret=(?P<s>[A-Z2-7]{16,})"),
    Rule(
        "jwt",
        r"\bey[A-Za-z0-9_\-]+\.ey",
        r"\bey[A-Za-z0-9_\-]{12,}\.ey[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{10,}",
    ),
    # Written into formats and commands.
    Rule(
        "url_password",
        r"""://[^\s/@"\'<>`{}]*:[^\s/@"\'<>`{}]+@""",
        r"[A-Za-z][A-Za-z0-9+.\-]{1,30}://[^\s/:@\"'<>`{}$]{0,80}:(?P<s>[^\s/@\"'<>`{}$]{3,200}(?:\$[^\s/@\"'<>`{}]{0,100})?)@[^\s\"'<>]",
        "password",
    ),
    Rule(
        "url_password",
        r"[?&;](?i:password|passwd|pwd|access_token|api_?key|client_secret|auth_token)=",
        r"[?&;](?i:password|passwd|pwd|access_token|api_?key|client_secret|auth_token)=(?P<s>[^\s&\"'<>`{}$;)]{8,200})",
        "password",
    ),
    Rule(
        "connection_password",
        r"(?i:\b(?:password|pwd)\s*=)",
        r"(?i:(?:user ?id|uid|user|username|server|data source|host|initial catalog|database|dbname)\s*=[^\n;\"']{1,120};?[^\n\"']{0,160}?\b(?:password|pwd)\s*=\s*)(?P<s>[^\s;\"'<>{}$]{4,100})",
        "password",
    ),
    Rule(
        "basic_auth",
        r"(?i:basic )[A-Za-z0-9+/]{12}",
        r"(?i:\bauthorization[\"']?\s*[:=,]\s*[\"'`]?basic\s+|[\"'`]basic )(?P<s>[A-Za-z0-9+/]{12,}={0,2})",
        "random",
    ),
    Rule(
        "bearer_token",
        r"(?i:(?:bearer|token) )[A-Za-z0-9_\-.+/=~]{16}",
        r"(?i:\bauthorization[\"']?\s*[:=,]\s*[\"'`]?(?:bearer|token)\s+|[\"'`]bearer )(?P<s>[A-Za-z0-9_\-.+/=~]{16,})",
        "random",
    ),
    Rule(
        "command_password",
        r"\bcurl\b",
        r"\bcurl\b[^\n|]{0,200}?\s(?:-u|--user)[ =]?[\"']?[^\s:\"'$]{1,60}:(?P<s>[^\s\"'$]{4,})",
        "password",
    ),
    Rule(
        "command_password",
        r"\bmysql|sshpass|--(?:password|passwd|token|secret|api-key)",
        r"(?:\bmysql(?:dump|admin)?\b[^\n|]{0,120}?\s-p|\bsshpass\s+-p\s*|\s--(?:password|passwd|token|secret|api-key)[= ])[\"']?(?P<s>[^\s\"'$<{\[(]{6,})",
        "password",
    ),
    Rule(
        "netrc_password",
        r"(?i:\blogin\s)",
        r"(?i:\bmachine\s+\S+\s+login\s+\S+\s+password\s+)(?P<s>\S{4,})",
        "password",
    ),
    Rule("netrc_password", r"password\s", r"(?m:^\s*password\s+(?P<s>\S{6,})\s*$)", "password"),
    Rule(
        "password_hash",
        r"\$(?:2[abxy]|apr1|[156]|y|argon2)",
        r"\$(?:2[abxy]\$\d\d\$[./A-Za-z0-9]{53}|apr1\$[./A-Za-z0-9]{1,8}\$[./A-Za-z0-9]{22}|[156]\$(?:rounds=\d+\$)?[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{22,86}|y\$[./A-Za-z0-9$]{40,}|argon2(?:id|i|d)\$[^\s\"']{40,})",
    ),
    Rule("password_hash", r"\{SSHA", r"\{SSHA\d{0,3}\}[A-Za-z0-9+/]{24,}={0,2}"),
    Rule(
        "kubernetes_key",
        r"(?:client-key-d[a-z]+|token):\s*[A-Za-z0-9+/_\-.]{32}",
        r"(?:client-key-(?:d[a]ta)|token|id-token):\s*(?P<s>[A-Za-z0-9+/_\-.]{60,}={0,2})",
        "random",
    ),
    Rule(
        "ansible_vault",
        r"\$ANSIBLE_VAULT",
        r"\$ANSIBLE_VAULT;[0-9.]+;AES256(?:;\S+)?\s+(?P<s>(?:[0-9a-f]{40,80}\s*){2,})",
        "none",
        "$ANSIBLE_VAULT",
    ),
    # Whatever is given to a name that says what it is.
    Rule(
        "password",
        r"""(?i:pass(?:word|wd|phrase|code)|pwd|\bpass|_pass|db_?pw)[\w.\-"'`\])}\\]*\s*(?:string\s*)?[:=,]""",
        r"""(?i:pass(?:word|wd|phrase|code)|\bpwd|_pwd|\bpass|_pass|db_?pw)[\w.\-]{0,12}\\?["'`\])}]{0,2}\s{0,8}(?::\s?[&'A-Za-z][\w<>& ']{0,16}=|string\s{0,3}=|=>|:=|[:=]|,\s?)\s{0,8}[bruf@]{0,2}\\?["'`](?P<s>[^"'`\s\\]{6,160})\\?["'`]""",
        "password",
    ),
    Rule(
        "secret",
        r"""(?i:secret|token|api_?-?key|access_?-?key|auth_?-?key|private_?-?key|encryption_?-?key|signing_?-?key|master_?-?key|storage_?-?key|account_?-?key|service_?-?key|app_?-?key|license_?-?key|credential|_auth\b|_salt\b|session_?-?key|webhook_?-?key|hmac_?-?key|cookie_?-?key)[\w.\-"'`\])}\\]*\s*(?:string\s*)?[:=,]""",
        r"""(?i:secret|token|api_?-?key|access_?-?key|auth_?-?key|private_?-?key|encryption_?-?key|signing_?-?key|master_?-?key|storage_?-?key|account_?-?key|service_?-?key|app_?-?key|license_?-?key|credential|_auth\b|_salt\b|session_?-?key|webhook_?-?key|hmac_?-?key|cookie_?-?key)[\w.\-]{0,24}\\?["'`\])}]{0,2}\s{0,8}(?::\s?[&'A-Za-z][\w<>& ']{0,16}=|string\s{0,3}=|=>|:=|[:=]|,\s?)\s{0,8}[bruf@]{0,2}\\?["'`](?P<s>[^"'`\s\\]{12,400})\\?["'`]""",
        "random",
    ),
    Rule(
        "password",
        r"(?i:pass(?:word|wd|phrase)|_pwd|_pass)[\w.\-]*\s*[:= ]",
        r"""(?m:^\s*(?:export\s+|set\s+|ENV\s+|ARG\s+|-\s+|-D)?[\w.\-]{0,40}(?i:pass(?:word|wd|phrase)|_pwd|_pass)[\w.\-]{0,12}[ \t]{0,8}[:= ][ \t]{0,8}(?P<s>[^\s"'`$<{(\[%*&#;,][^\s"'`<{(\[;,]{5,159})[ \t]*$)""",
        "password",
    ),
    Rule(
        "secret",
        r"""(?i:secret|token|api_?-?key|access_?-?key|auth_?-?key|private_?-?key|encryption_?-?key|signing_?-?key|master_?-?key|storage_?-?key|account_?-?key|service_?-?key|app_?-?key|license_?-?key|credential|_auth\b|_salt\b|session_?-?key|webhook_?-?key|hmac_?-?key|cookie_?-?key)[\w.\-"'`\])}\\]*\s*(?:string\s*)?[:=,]""",
        r"""(?m:^\s*(?:export\s+|set\s+|ENV\s+|ARG\s+|-\s+|-D)?[\w.\-]{0,40}(?i:secret|token|api_?-?key|access_?-?key|auth_?-?key|private_?-?key|encryption_?-?key|signing_?-?key|master_?-?key|credential)[\w.\-]{0,24}[ \t]{0,8}[:=][ \t]{0,8}(?P<s>[A-Za-z0-9_+/=.~!@^?*%#&\-]{16,400})[ \t]*;?[ \t]*$)""",
        "random",
    ),
)
