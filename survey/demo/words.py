"""What villagers say and cadres write in the demo: invented sentences, a few parts each.

Owns the texts. Refuses names, numbers and anything that could be somebody's story.
"""

from __future__ import annotations

from random import Random

from survey.demo.chance import drawn

_DIFFICULTY = {
    "road": (
        "从{group}到公路{metres}米还是土路，下雨天摩托车上不来。",
        "门前机耕道塌了一截，拉肥料要绕{kilometres}公里。",
        "入户路没有硬化，老人出门摔过跤。",
        "山洪冲坏了过水桥，孩子上学要绕路。",
    ),
    "water": (
        "蓄水池一到旱季就见底，每天挑水{times}趟。",
        "水管老化，停水{days}天没人修。",
        "山泉水下雨就浑，煮开还有沉淀。",
        "几家合用一口井，水不够，半夜才有水。",
        "自来水没有接到{group}，现在用胶管引水。",
    ),
    "health": (
        "村卫生室常缺降压药，买药要到镇上。",
        "腿脚不便，去县医院检查要包车，来回{yuan}元。",
        "慢性病门诊报销手续不会办。",
        "老人耳朵背，体检通知没有收到。",
    ),
    "school": (
        "校车不到{group}，孩子走路{minutes}分钟。",
        "家里两个读书的，住校生活费吃紧。",
        "爷爷奶奶带孩子，作业没人辅导。",
        "幼儿园在镇上，接送不方便。",
    ),
}
_REQUEST = {
    "policy_question": ("想问养老保险补缴怎么算。", "问高龄补贴从几岁开始领。", "问退耕还林补助到哪一年。"),
    "market_information": ("想知道今年核桃、银耳的收购价。", "问花椒苗哪里买得到放心的。"),
    "technical_guidance": ("鸡最近死了好几只，想请技术员看看。", "猕猴桃叶子发黄，不知道怎么治。"),
    "formalities": ("残疾证到期，请帮忙代办换证。", "分户手续不会办，想请村上代办。", "医保卡丢了，要补办。"),
    "environment": ("公路边垃圾桶满了没人清。", "上面养殖场的污水流到田里。"),
    "culture": ("想要院坝里装个路灯，晚上好跳舞。", "农家书屋总是锁着。"),
    "dispute": ("与邻居因地界有争执，想请村上调解。", "两家为一口水井的使用有意见。"),
    "other": ("电线离房顶太近，担心出事。", "手机信号差，视频打不通。"),
}
_REQUEST_WEIGHTS = {
    "policy_question": 26, "market_information": 8, "technical_guidance": 12, "formalities": 24,
    "environment": 10, "culture": 6, "dispute": 8, "other": 6,
}  # fmt: skip
_OPENINGS = ("上午入户，", "下午到家里坐了一会，", "在院坝里遇到，", "到地头见了面，", "饭后上门，")
_SEEN = (
    "家里收拾得干净，老人精神好。",
    "正在收拾庄稼，今年收成一般。",
    "儿女在外务工，平时打电话回来。",
    "讲了政策，都听得明白。",
    "孩子放假在家，作业做完了。",
    "灶房堆柴较多，提醒了防火。",
    "提醒雨季注意房后边坡。",
    "圈里养了两头猪，准备过年杀一头。",
)
_CLOSINGS = ("没有新的要求。", "约好过段时间再来看。", "记下了，回去向村上报告。", "说谢谢村上惦记。")
_CONTACT = (
    "问了吃药和报销的情况，病情平稳。",
    "看了米面油，都够吃；低保金按月到账。",
    "护理补贴已经到账，本人看过存折。",
    "谈了公益岗位，愿意做保洁。",
    "帮忙把柴劈好，水缸挑满。",
    "孩子的助学补助表已经交到学校。",
    "养的鸡开始下蛋，商量了销路。",
)
_HELP = (
    "帮忙填了申请表，带回村上盖章。",
    "送去常用药，讲了用法。",
    "联系了技术员，约好上门时间。",
    "帮忙修了水龙头。",
)
_STEP = {
    "refuse": "不属于本级受理范围，已告知向有关部门反映的途径。",
    "give_up": "暂无项目资金，已列入明年计划，向本人作了说明。",
    "note": "现场查看，拍照留存，与相关单位联系。",
    "reply": "电话回复本人，说明了办理情况。",
}
_RESOLVED = {
    "road": "组织投工投劳铺了碎石，能通车。",
    "water": "换了水管，清洗了蓄水池，恢复供水。",
    "health": "联系镇卫生院上门，药品已配齐。",
    "school": "与学校商定接送点，孩子能坐上车。",
    "dispute": "双方到村调解室，达成口头协议。",
}


def difficulty(rng: Random, key: str, group: str) -> str:
    """What exactly is the matter, in a villager's words."""
    return rng.choice(_DIFFICULTY[key]).format(
        group=group,
        metres=rng.randrange(150, 900, 50),
        kilometres=rng.randint(2, 6),
        times=rng.randint(2, 5),
        days=rng.randint(3, 20),
        yuan=rng.randrange(80, 300, 20),
        minutes=rng.randrange(30, 80, 10),
    )


def request(rng: Random) -> tuple[str, str]:
    """A request: its kind and the matter."""
    kind = drawn(rng, _REQUEST_WEIGHTS)
    return kind, rng.choice(_REQUEST[kind])


def diary(rng: Random) -> str:
    """An entry of the diary (民情日记)."""
    return rng.choice(_OPENINGS) + "".join(rng.sample(_SEEN, rng.randint(1, 2))) + rng.choice(_CLOSINGS)


def contact(rng: Random) -> str:
    """What was discussed with a hardship household."""
    return "".join(rng.sample(_CONTACT, rng.randint(1, 2)))


def help_given(rng: Random) -> str:
    """Help in words."""
    return rng.choice(_HELP)


def step(kind: str, category: str) -> str | None:
    """What is written at an act on a case; nothing for the acts that need no words."""
    if kind == "resolve":
        return _RESOLVED.get(category, "已为其办妥，本人确认。")
    return _STEP.get(kind)
